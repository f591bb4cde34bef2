package lipsync

// Heard is what general habits make of a sound: descriptors of each frame, 0…1 on the person's own range, and
// how likely it is that the lips touch, 0…1. features are speech.SoundFeatures of each frame.
func (t *Tables) Heard(features [][]float64, fps float64) (unit [][]float64, touch []float64) {
	rows := t.Sound.Rows(features)
	unit, touch = make([][]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		unit[i], touch[i] = r[:descriptors:descriptors], min(max(r[descriptors], 0), 1)
	}
	return hannRows(unit, frames25(soundWindow, fps)), touch
}
