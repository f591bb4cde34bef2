package infer

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"github.com/twinsync/twinsync/fault"
)

// published are the cards of networks that their makers publish; the networks themselves are not included.
//
//go:embed cards/*.yaml
var published embed.FS

// PublishedCards lists the cards that come with TwinSync, by name.
func PublishedCards() ([]ModelCard, error) {
	files, err := fs.Glob(published, "cards/*.yaml")
	if err != nil {
		return nil, err
	}
	cards := make([]ModelCard, 0, len(files))
	for _, f := range files {
		c, err := PublishedCard(strings.TrimSuffix(path.Base(f), ".yaml"))
		if err != nil {
			return nil, err
		}
		cards = append(cards, c)
	}
	return cards, nil
}

// PublishedCard is the card of this name that comes with TwinSync. Errors: fault.NotFound.
func PublishedCard(name string) (ModelCard, error) {
	b, err := PublishedCardText(name)
	if err != nil {
		return ModelCard{}, err
	}
	return ParseCard(b)
}

// Obtain is the command that adds the network of this name: where its card is published, how its file is had.
func Obtain(name string) string {
	c, err := PublishedCard(name)
	switch {
	case err != nil:
		return "twinsync models add CARD.yaml --name " + name + " --file FILE"
	case c.pullable():
		return "twinsync models pull " + name
	}
	return "twinsync models add " + name + " --file FILE"
}

// PublishedCardText is the same as it is written: a start for a card of one's own.
func PublishedCardText(name string) ([]byte, error) {
	if err := ValidModelName("name", name); err != nil {
		return nil, err
	}
	b, err := published.ReadFile("cards/" + name + ".yaml")
	if err != nil {
		return nil, fault.New(fault.NotFound, "name", "no published card is called %q", name).
			WithHint("Run twinsync models list --all.").WithCause(err)
	}
	return b, nil
}
