package quality

// Speed is the whole way (decode, analyse, swap, encode) beside plain FFmpeg.
type Speed struct {
	Ratio float64 `json:"ratio"`
	Worst float64 `json:"worst"`
}
