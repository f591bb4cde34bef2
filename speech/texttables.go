package speech

import (
	"strconv"
	"strings"
)

// usage is how a language says what is written short. A field left empty leaves it to the library.
type usage struct {
	// short are abbreviations, in lower case unless the case matters, dots and spaces as they are written. "#" before
	// the full form: only before a number; "^": only before a name.
	short   map[string]string
	title   map[string]bool // of them, those behind which a sentence never ends
	longest int             // words of the longest

	to         string // between two numbers
	at, dot    string // in addresses
	numberSign string // "#1"
	coins      map[string]unit
	scales     map[string]string // "million", behind an amount of money
	units      map[string]unit

	months   []string
	dateForm string                            // %d day, %m month, %y year
	day      func(d int, before string) string // nil: the number

	dotted bool // a day before its month is written "6."

	timeForm, hourForm string // %h hours, %m minutes; hourForm on the hour
	zeroMinute         string // before minutes below ten
	hourWord           string // that may stand behind a time

	years    bool     // 1984 is 19 84
	decades  []string // of 1980s, by digit
	ordinals map[string][]string
	roman    bool     // Roman numbers are written out here
	counted  []string // words before a Roman number that is no ruler's
}

// unit is a name in singular and plural.
type unit struct{ one, many string }

func (u unit) of(amount string) string {
	if amount == "1" {
		return u.one
	}
	return u.many
}

// same is a unit whose plural is like the singular.
func same(name string) unit { return unit{name, name} }

// plural is one with a regular plural.
func plural(name string) unit { return unit{name, name + "s"} }

// usageOf is the usage of a language.
func usageOf(base string) usage {
	var u usage
	switch base {
	case "en":
		u = english()
	case "de", "lb":
		u = german()
	case "es":
		u = spanish()
	case "fr":
		u = french()
	case "it":
		u = italian()
	case "pt":
		u = portuguese()
	case "ru":
		u = russian()
	case "nl":
		u = usage{to: "tot", at: "apenstaartje", dot: "punt", coins: coins("euro", "euro", "dollar", "dollar", "pond", "pond"),
			short: map[string]string{"dhr.": "de heer", "mevr.": "mevrouw", "bijv.": "bijvoorbeeld", "enz.": "enzovoort"}}
	case "pl":
		u = usage{to: "do", at: "małpa", dot: "kropka", coins: coins("euro", "euro", "dolar", "dolarów", "funt", "funtów"),
			short: map[string]string{"ul.": "ulica", "np.": "na przykład", "itd.": "i tak dalej"}}
		u.coins["zł"] = unit{"złoty", "złotych"}
	case "tr":
		u = usage{at: "et", dot: "nokta", coins: coins("avro", "avro", "dolar", "dolar", "sterlin", "sterlin"),
			short: map[string]string{"dr.": "doktor", "prof.": "profesör", "vb.": "ve benzeri", "vs.": "vesaire"}}
		u.coins["₺"] = same("lira")
	case "ar":
		u = usage{units: map[string]unit{"%": same("بِالمِئَة")}}
	case "hi", "mr", "ne":
		u = usage{coins: map[string]unit{"₹": same("रुपये"), "$": same("डॉलर"), "€": same("यूरो")},
			short: map[string]string{"डॉ.": "डॉक्टर"}}
	case "ko":
		u = usage{units: map[string]unit{"%": same("퍼센트")}, coins: map[string]unit{"₩": same("원"), "$": same("달러"), "€": same("유로")}}
	}
	for short := range u.short {
		u.longest = max(u.longest, len(strings.Fields(short)))
	}
	return u
}

// coins are euro, dollar and pound.
func coins(euro, euros, dollar, dollars, pound, pounds string) map[string]unit {
	return map[string]unit{"€": {euro, euros}, "EUR": {euro, euros}, "$": {dollar, dollars}, "US$": {dollar, dollars}, "USD": {dollar, dollars}, "£": {pound, pounds}, "GBP": {pound, pounds}}
}

// set makes a set of words.
func set(words ...string) map[string]bool {
	out := map[string]bool{}
	for _, w := range words {
		out[w] = true
	}
	return out
}

func english() usage {
	u := usage{
		short: map[string]string{
			"i.e.": "that is", "e.g.": "for example", "vs.": "versus", "vs": "versus", "approx.": "approximately", "dept.": "department", "avg.": "average",
			"prof.": "^professor", "rev.": "^reverend", "gen.": "^general", "sgt.": "^sergeant", "lt.": "^lieutenant", "capt.": "^captain", "st.": "^saint", "mt.": "^mount",
			"jr.": "junior", "sr.": "senior", "corp.": "corporation", "inc.": "incorporated", "ave.": "avenue", "blvd.": "boulevard", "rd.": "road",
			"no.": "#number", "fig.": "#figure", "vol.": "#volume", "p.": "#page", "pp.": "#pages", "ch.": "#chapter",
			"jan.": "#January", "feb.": "#February", "mar.": "#March", "apr.": "#April", "aug.": "#August", "sept.": "#September", "sep.": "#September", "oct.": "#October", "nov.": "#November", "dec.": "#December",
			"ph.d.": "P H D", "w/o": "without", "w/": "with", "24/7": "twenty-four seven", "9/11": "nine eleven",
		},
		title: set("prof.", "rev.", "gen.", "vs.", "i.e.", "e.g.", "approx."),
		to:    "to", at: "at", dot: "dot", numberSign: "number",
		coins:  coins("euro", "euros", "dollar", "dollars", "pound", "pounds"),
		scales: map[string]string{"thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion", "k": "thousand", "K": "thousand", "M": "million", "m": "million", "B": "billion", "bn": "billion"},
		units: map[string]unit{
			"km": plural("kilometer"), "m": plural("meter"), "cm": plural("centimeter"), "mm": plural("millimeter"), "kg": plural("kilogram"), "g": plural("gram"), "mg": plural("milligram"),
			"l": plural("liter"), "L": plural("liter"), "ml": plural("milliliter"), "h": plural("hour"), "hr": plural("hour"), "hrs": plural("hour"), "min": plural("minute"), "sec": plural("second"), "s": plural("second"), "ms": plural("millisecond"),
			"km/h": {"kilometer per hour", "kilometers per hour"}, "mph": {"mile per hour", "miles per hour"}, "°C": {"degree Celsius", "degrees Celsius"}, "°F": {"degree Fahrenheit", "degrees Fahrenheit"},
			"lb": plural("pound"), "lbs": plural("pound"), "oz": plural("ounce"), "ft": {"foot", "feet"}, "GB": plural("gigabyte"), "MB": plural("megabyte"), "TB": plural("terabyte"),
			"m²": {"square meter", "square meters"}, "km²": {"square kilometer", "square kilometers"}, "k": same("thousand"), "x": same("times"),
		},
		months:   []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		dateForm: "%m %d, %y", day: func(d int, _ string) string { return englishOrdinal(d) },
		timeForm: "%h %m", hourForm: "%h o'clock", zeroMinute: "oh",
		years: true, decades: []string{"hundreds", "tens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"},
		roman: true, counted: strings.Fields("chapter part war volume book act section phase type level class stage article appendix round season episode scene group grade unit step mark"),
	}
	u.coins["¥"] = same("yen")
	u.coins["₹"] = plural("rupee")
	return u
}

func german() usage {
	u := usage{
		short: map[string]string{
			"dr.": "Doktor", "prof.": "Professor", "hr.": "Herr", "fr.": "^Frau", "nr.": "Nummer", "str.": "Straße", "st.": "^Sankt", "tel.": "Telefon", "abb.": "#Abbildung", "s.": "#Seite",
			"z. b.": "zum Beispiel", "z.b.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt", "u. a.": "unter anderem", "u.a.": "unter anderem", "o. ä.": "oder Ähnliches", "i. d. r.": "in der Regel",
			"usw.": "und so weiter", "bzw.": "beziehungsweise", "ca.": "circa", "vgl.": "vergleiche", "ggf.": "gegebenenfalls", "evtl.": "eventuell", "inkl.": "inklusive", "etc.": "et cetera",
			"mio.": "Millionen", "mrd.": "Milliarden", "jh.": "Jahrhundert", "gmbh": "G M B H",
		},
		title: set("dr.", "prof.", "hr.", "fr.", "nr.", "st.", "ca.", "z. b.", "z.b.", "d. h.", "d.h.", "bzw.", "vgl.", "evtl.", "inkl.", "mio.", "mrd.", "u. a.", "u.a.", "tel."),
		to:    "bis", at: "at", dot: "Punkt", numberSign: "Nummer",
		coins:  coins("Euro", "Euro", "Dollar", "Dollar", "Pfund", "Pfund"),
		scales: map[string]string{"millionen": "Millionen", "milliarden": "Milliarden"},
		units: map[string]unit{
			"km": same("Kilometer"), "m": same("Meter"), "cm": same("Zentimeter"), "mm": same("Millimeter"), "kg": same("Kilogramm"), "g": same("Gramm"), "mg": same("Milligramm"), "l": same("Liter"), "ml": same("Milliliter"),
			"h": {"Stunde", "Stunden"}, "min": {"Minute", "Minuten"}, "s": {"Sekunde", "Sekunden"}, "km/h": same("Kilometer pro Stunde"), "°C": same("Grad Celsius"), "GB": same("Gigabyte"), "MB": same("Megabyte"),
			"m²": same("Quadratmeter"), "km²": same("Quadratkilometer"),
		},
		months:   []string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		dateForm: "%d %m %y", day: germanDay, dotted: true,
		timeForm: "%h Uhr %m", hourForm: "%h Uhr", hourWord: "Uhr",
	}
	return u
}

// germanDay is "sechster", or "sechsten" behind a word that asks for it.
func germanDay(d int, before string) string {
	stems := strings.Fields("erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte dreizehnte vierzehnte fünfzehnte sechzehnte siebzehnte achtzehnte neunzehnte zwanzigste " +
		"einundzwanzigste zweiundzwanzigste dreiundzwanzigste vierundzwanzigste fünfundzwanzigste sechsundzwanzigste siebenundzwanzigste achtundzwanzigste neunundzwanzigste dreißigste einunddreißigste")
	stem := stems[d-1]
	switch strings.ToLower(before) {
	case "am", "vom", "zum", "dem", "den", "des", "bis", "ab", "seit", "beim", "im":
		return stem + "n"
	case "der":
		return stem
	}
	return stem + "r"
}

func spanish() usage {
	return usage{
		short: map[string]string{
			"p. ej.": "por ejemplo", "etc.": "etcétera", "ee. uu.": "Estados Unidos", "ee.uu.": "Estados Unidos", "pág.": "#página", "págs.": "#páginas", "núm.": "#número", "n.º": "#número", "nº": "#número", "tel.": "teléfono",
			"aprox.": "aproximadamente", "avda.": "avenida", "av.": "avenida", "vd.": "usted", "vds.": "ustedes", "uds.": "ustedes", "a. c.": "antes de Cristo", "d. c.": "después de Cristo", "s.": "#siglo",
			"prof.": "profesor", "profa.": "profesora", "sres.": "señores", "srta.": "señorita", "st.": "^san", //nolint:misspell // Spanish
		},
		title: set("p. ej.", "prof.", "profa.", "sres.", "srta.", "av.", "avda.", "aprox.", "tel.", "vd."),
		to:    "a", at: "arroba", dot: "punto", numberSign: "número",
		coins: coins("euro", "euros", "dólar", "dólares", "libra", "libras"),
		units: map[string]unit{
			"km": plural("kilómetro"), "m": plural("metro"), "cm": plural("centímetro"), "mm": plural("milímetro"), "kg": plural("kilogramo"), "g": plural("gramo"), "l": plural("litro"), "ml": plural("mililitro"),
			"h": plural("hora"), "min": plural("minuto"), "s": plural("segundo"), "km/h": {"kilómetro por hora", "kilómetros por hora"}, "°C": {"grado Celsius", "grados Celsius"}, "m²": {"metro cuadrado", "metros cuadrados"},
		},
		months:   []string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
		dateForm: "%d de %m de %y", timeForm: "%h y %m", hourForm: "%h", hourWord: "h",
		ordinals: map[string][]string{"º": {"primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"}, "ª": {"primera", "segunda", "tercera", "cuarta", "quinta", "sexta", "séptima", "octava", "novena", "décima"}, "er": {"primer", "segundo", "tercer"}},
	}
}

func french() usage {
	return usage{
		short: map[string]string{
			"m.": "^monsieur", "mm.": "^messieurs", "mme.": "madame", "p. ex.": "par exemple", "etc.": "et cetera", "c.-à-d.": "c'est-à-dire", "n°": "#numéro", "p.": "#page", "av.": "avenue", "bd": "^boulevard", "tél.": "téléphone", "env.": "environ", //nolint:misspell // French
			"st": "^saint", "ste": "^sainte", "j.-c.": "Jésus-Christ",
		},
		title: set("m.", "mm.", "p. ex.", "av.", "c.-à-d.", "env.", "tél."),
		to:    "à", at: "arobase", dot: "point", numberSign: "numéro",
		coins:    coins("euro", "euros", "dollar", "dollars", "livre", "livres"),
		units:    map[string]unit{"h": plural("heure"), "min": plural("minute"), "s": plural("seconde"), "km/h": {"kilomètre-heure", "kilomètres-heure"}, "°C": {"degré Celsius", "degrés Celsius"}, "m²": {"mètre carré", "mètres carrés"}, "g": plural("gramme"), "l": plural("litre"), "cm": plural("centimètre")},
		months:   []string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		dateForm: "%d %m %y", day: func(d int, _ string) string {
			if d == 1 {
				return "premier"
			}
			return strconv.Itoa(d)
		},
		timeForm: "%h heures %m", hourForm: "%h heures",
		ordinals: map[string][]string{"e": frenchOrdinals(), "ème": frenchOrdinals(), "eme": frenchOrdinals(), "ère": {"première"}, "re": {"première"}, "er": {"premier"}},
	}
}

func frenchOrdinals() []string {
	return strings.Fields("unième deuxième troisième quatrième cinquième sixième septième huitième neuvième dixième onzième douzième treizième quatorzième quinzième seizième dix-septième dix-huitième dix-neuvième vingtième vingt-et-unième")
}

func italian() usage {
	return usage{
		short: map[string]string{
			"sig.": "^signor", "sig.ra": "signora", "sig.na": "signorina", "dott.": "dottor", "dott.ssa": "dottoressa", "dr.": "dottor", "prof.": "professor", "prof.ssa": "professoressa", "ecc.": "eccetera", "pag.": "#pagina", "n.": "#numero",
			"es.": "^esempio", "p. es.": "per esempio", "tel.": "telefono", "a.c.": "avanti Cristo", "d.c.": "dopo Cristo", "ca.": "circa",
		},
		title: set("sig.", "dott.", "dr.", "prof.", "p. es.", "tel.", "ca."),
		to:    "a", at: "chiocciola", dot: "punto", numberSign: "numero",
		coins: coins("euro", "euro", "dollaro", "dollari", "sterlina", "sterline"),
		units: map[string]unit{
			"km": {"chilometro", "chilometri"}, "m": {"metro", "metri"}, "cm": {"centimetro", "centimetri"}, "mm": {"millimetro", "millimetri"}, "kg": {"chilogrammo", "chilogrammi"}, "g": {"grammo", "grammi"}, "l": {"litro", "litri"},
			"h": {"ora", "ore"}, "min": {"minuto", "minuti"}, "s": {"secondo", "secondi"}, "km/h": {"chilometro all'ora", "chilometri all'ora"}, "°C": {"grado Celsius", "gradi Celsius"}, "m²": {"metro quadrato", "metri quadrati"},
		},
		months:   []string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
		dateForm: "%d %m %y", timeForm: "%h e %m", hourForm: "%h",
	}
}

func portuguese() usage {
	u := usage{
		short: map[string]string{
			"sr.": "^senhor", "sra.": "^senhora", "dr.": "doutor", "dra.": "doutora", "prof.": "professor", "profa.": "professora", "p. ex.": "por exemplo", "pág.": "#página", "n.º": "#número", "nº": "#número", "tel.": "telefone", "av.": "avenida", "aprox.": "aproximadamente",
		},
		title: set("sr.", "sra.", "dr.", "dra.", "prof.", "profa.", "av.", "p. ex.", "tel.", "aprox."),
		to:    "a", at: "arroba", dot: "ponto", numberSign: "número",
		coins: coins("euro", "euros", "dólar", "dólares", "libra", "libras"),
		units: map[string]unit{
			"km": plural("quilômetro"), "m": plural("metro"), "cm": plural("centímetro"), "mm": plural("milímetro"), "kg": plural("quilo"), "g": plural("grama"), "l": plural("litro"), "ml": plural("mililitro"),
			"h": plural("hora"), "min": plural("minuto"), "s": plural("segundo"), "km/h": {"quilômetro por hora", "quilômetros por hora"}, "°C": {"grau Celsius", "graus Celsius"}, "m²": {"metro quadrado", "metros quadrados"},
		},
		months:   []string{"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"},
		dateForm: "%d de %m de %y", timeForm: "%h e %m", hourForm: "%h horas",
	}
	u.coins["R$"] = unit{"real", "reais"}
	return u
}

func russian() usage {
	u := usage{
		short: map[string]string{
			"и т. д.": "и так далее", "и т.д.": "и так далее", "и т. п.": "и тому подобное", "и т.п.": "и тому подобное", "т. е.": "то есть", "т.е.": "то есть", "т. к.": "так как", "т.к.": "так как", "г.": "^город", "ул.": "^улица", "руб.": "рублей", "тыс.": "тысяч", "млн": "миллионов", "млрд": "миллиардов",
			"др.": "другие", "см.": "смотри", "стр.": "#страница", "проф.": "профессор",
		},
		title: set("т. е.", "т.е.", "т. к.", "т.к.", "тыс.", "проф.", "см."),
		at:    "собака", dot: "точка", numberSign: "номер",
		coins: coins("евро", "евро", "доллар", "долларов", "фунт", "фунтов"),
		units: map[string]unit{"км": {"километр", "километров"}, "кг": {"килограмм", "килограммов"}, "см": {"сантиметр", "сантиметров"}, "км/ч": {"километр в час", "километров в час"}, "°C": {"градус", "градусов"}, "г.": {"год", "года"}},
	}
	u.coins["₽"] = unit{"рубль", "рублей"}
	return u
}
