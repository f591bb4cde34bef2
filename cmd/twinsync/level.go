package main

import (
	"fmt"
	"strconv"

	"github.com/alecthomas/kong"
)

// level is a loudness as a flag. It mostly is below zero, and may be written as it is: --loudness -16.
type level float64

// Decode implements kong.MapperValue: what begins with a dash is a number here, not a flag.
func (l *level) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	v, err := strconv.ParseFloat(fmt.Sprint(token.Value), 64)
	if err != nil {
		return fmt.Errorf("expected a number but got %q", token)
	}
	*l = level(v)
	return nil
}
