package infer

// The names of the two files that lie beside a network's own in the store.
const (
	cardFile   = "card.yaml"
	recordFile = "record.json"
)
