package infer

import (
	"encoding/binary"
	"fmt"
	"math"

	ort "github.com/yalue/onnxruntime_go"
)

// value makes a tensor over data, which is copied only where the file wants other than float32. With fill,
// the copy holds data's numbers.
func (t boundTensor) value(count int, data []float32, fill bool) (ort.Value, error) {
	shape := ort.Shape(append([]int64(nil), t.Shape...))
	if count > 1 {
		shape[0] = int64(count)
	}
	if len(shape) == 0 { // no dimension at all: a bare number has a type of its own
		return t.scalar(data[0])
	}
	switch t.element {
	case Float64:
		wide := make([]float64, len(data))
		if fill {
			for i, v := range data {
				wide[i] = float64(v)
			}
		}
		return ort.NewTensor(shape, wide)
	case Int64:
		whole := make([]int64, len(data))
		if fill {
			for i, v := range data {
				whole[i] = roundToInt64(v)
			}
		}
		return ort.NewTensor(shape, whole)
	case Float16:
		half := make([]byte, 2*len(data))
		if fill {
			for i, v := range data {
				binary.NativeEndian.PutUint16(half[2*i:], toHalf(v))
			}
		}
		return ort.NewCustomDataTensor(shape, half, ort.TensorElementDataTypeFloat16)
	}
	return ort.NewTensor(shape, data)
}

func (t boundTensor) scalar(v float32) (ort.Value, error) {
	switch t.element {
	case Float32:
		return ort.NewScalar(v)
	case Float64:
		return ort.NewScalar(float64(v))
	case Int64:
		return ort.NewScalar(roundToInt64(v))
	}
	return nil, fmt.Errorf("%s is a bare number of type %s", t.Name, t.element)
}

// roundToInt64 keeps what has no whole number from becoming any.
func roundToInt64(v float32) int64 {
	switch f := math.Round(float64(v)); {
	case math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return int64(f)
	}
}

// numbers copies a tensor into dst as float32; with grow, into a new slice of its length.
func numbers(v ort.Value, dst []float32, grow bool) ([]float32, error) {
	fit := func(n int) error {
		if n > maxTensorValue {
			return fmt.Errorf("an output of %d numbers", n)
		}
		if grow {
			dst = make([]float32, n)
		}
		if len(dst) != n {
			return fmt.Errorf("an output of %d numbers, not %d", n, len(dst))
		}
		return nil
	}
	switch t := v.(type) {
	case *ort.Tensor[float32]:
		if err := fit(len(t.GetData())); err != nil {
			return nil, err
		}
		copy(dst, t.GetData())
	case *ort.Tensor[float64]:
		if err := fit(len(t.GetData())); err != nil {
			return nil, err
		}
		for i, v := range t.GetData() {
			dst[i] = float32(v)
		}
	case *ort.Tensor[int64]:
		if err := fit(len(t.GetData())); err != nil {
			return nil, err
		}
		for i, v := range t.GetData() {
			dst[i] = float32(v)
		}
	case *ort.CustomDataTensor:
		data := t.GetData()
		if err := fit(len(data) / 2); err != nil {
			return nil, err
		}
		for i := range dst {
			dst[i] = fromHalf(binary.NativeEndian.Uint16(data[2*i:]))
		}
	case *ort.Scalar[float32]:
		if err := fit(1); err != nil {
			return nil, err
		}
		dst[0] = t.GetData()
	case *ort.Scalar[float64]:
		if err := fit(1); err != nil {
			return nil, err
		}
		dst[0] = float32(t.GetData())
	case *ort.Scalar[int64]:
		if err := fit(1); err != nil {
			return nil, err
		}
		dst[0] = float32(t.GetData())
	default:
		return nil, fmt.Errorf("an output of the kind %T", v)
	}
	return dst, nil
}

// toHalf is a number as IEEE 754 binary16, rounded to nearest, ties to even.
func toHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // no number
		return sign | 0x7e00
	case b >= 0x477ff000: // 65520 and more round to infinity
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴: subnormal, units of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(b))*(1<<24)))
	}
	rest := b & 0x1fff
	h := uint16((b - 0x38000000) >> 13)
	if rest > 0x1000 || rest == 0x1000 && h&1 == 1 {
		h++
	}
	return sign | h
}

// fromHalf is an IEEE 754 binary16 as a number, exactly.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
