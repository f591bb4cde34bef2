package speech

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/twinsync/twinsync/fault"
)

// LibreTranslate translates by a LibreTranslate server: POST {URL}/translate.
type LibreTranslate struct {
	service *service

	mu    sync.Mutex
	known []libreLanguage
}

// libreLanguage is one of GET /languages.
type libreLanguage struct {
	Code    string   `json:"code"`
	Targets []string `json:"targets"`
}

// OpenLibreTranslate checks the options; the server is asked at the first need.
func OpenLibreTranslate(o ServiceOptions) (*LibreTranslate, error) {
	s, err := newService(o)
	if err != nil {
		return nil, err
	}
	return &LibreTranslate{service: s}, nil
}

// Close ends its connections.
func (l *LibreTranslate) Close() { l.service.close() }

// Translate translates texts, each on its own. from "" has the server find out.
//
// Errors: InvalidField for "from" and "to", also where the server has no such pair; those of the service.
func (l *LibreTranslate) Translate(ctx context.Context, texts []string, from, to string) ([]string, error) {
	known, err := l.languages(ctx)
	if err != nil {
		return nil, err
	}
	source, codes := "auto", libreCodes(known)
	if from != "" {
		if source, err = libreCode("from", from, codes); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(known, func(k libreLanguage) bool { return k.Code == source })
		if len(known[i].Targets) > 0 {
			codes = known[i].Targets
		}
	}
	target, err := libreCode("to", to, codes)
	if err != nil {
		return nil, err
	}
	return inBatches(texts, batchTexts, batchRunes, func(batch []string) ([]string, error) {
		var heard struct {
			Text []string `json:"translatedText"`
		}
		request := map[string]any{"q": batch, "source": source, "target": target, "format": "text"}
		if key := l.service.options.Key; key != "" {
			request["api_key"] = key
		}
		if err := l.service.askJSON(ctx, call{method: http.MethodPost, path: "/translate"}, request, &heard); err != nil {
			return nil, err
		}
		if len(heard.Text) != len(batch) || slices.ContainsFunc(heard.Text, func(s string) bool { return strings.TrimSpace(s) == "" }) {
			return nil, l.service.nonsense("something else than one translation for each text", nil)
		}
		return heard.Text, nil
	})
}

// languages asks the server once what it can.
func (l *LibreTranslate) languages(ctx context.Context) ([]libreLanguage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known != nil {
		return l.known, nil
	}
	var heard []libreLanguage
	if err := l.service.askJSON(ctx, call{method: http.MethodGet, path: "/languages"}, nil, &heard); err != nil {
		return nil, err
	}
	if len(heard) == 0 {
		return nil, l.service.nonsense("that it knows no language", nil)
	}
	l.known = heard
	return heard, nil
}

func libreCodes(known []libreLanguage) []string {
	out := make([]string, len(known))
	for i, k := range known {
		out[i] = k.Code
	}
	return out
}

// libreCode finds the server's code for a tag: the same, its own old one, or that of the language without its region.
func libreCode(param, tag string, codes []string) (string, error) {
	if tag == "" {
		return "", fault.New(fault.MissingField, param, "no language is given")
	}
	t, err := language.Parse(strings.ReplaceAll(tag, "_", "-"))
	if err != nil {
		return "", fault.New(fault.InvalidField, param, "%q is no language tag such as en, pt-BR or zh", printable(tag))
	}
	base, _ := t.Base()
	script, _ := t.Script()
	wanted := []string{t.String(), base.String() + "-" + script.String()}
	switch { // the codes of its models before and after 2024
	case base.String() == "zh" && script.String() == "Hant":
		wanted = append(wanted, "zt")
	case t.String() == "pt-BR":
		wanted = append(wanted, "pb")
	case base.String() == "no":
		wanted = append(wanted, "nb")
	}
	for _, w := range append(wanted, base.String()) {
		if i := slices.IndexFunc(codes, func(c string) bool { return strings.EqualFold(c, w) }); i >= 0 {
			return codes[i], nil
		}
	}
	return "", fault.New(fault.InvalidField, param, "the translator does not know %s here", t).
		WithHint("It knows %s.", printable(strings.Join(codes, ", ")))
}

var _ Translator = (*LibreTranslate)(nil)
