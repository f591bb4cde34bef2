package main

import (
	"github.com/twinsync/twinsync/internal/app"
	"github.com/twinsync/twinsync/internal/pipeline"
	"github.com/twinsync/twinsync/swap"
)

// storeFlags say where added networks are. Their names are those of the service's settings.
type storeFlags struct {
	Data                 string `help:"Data folder of the installation." placeholder:"DIR"`
	Models               string `help:"Folder of added networks; otherwise models in the data folder." placeholder:"DIR"`
	ModelsCommercialOnly bool   `help:"Use only added networks whose licence allows commercial use."`
}

func (f storeFlags) request() app.ModelsRequest {
	return app.ModelsRequest{Data: f.Data, Models: f.Models, CommercialOnly: f.ModelsCommercialOnly}
}

// detectorFlag names a network that helps to find faces.
type detectorFlag struct {
	Detector string `help:"An added network that helps to find faces; what it finds joins what TwinSync finds." placeholder:"NAME"`
}

// networkFlags say what makes the pictures of a swap.
type networkFlags struct {
	Engine     string  `help:"What makes the pictures: ${enum}; onnx runs a network that was added with 'twinsync models'." enum:"mesh,onnx" default:"mesh"`
	Model      string  `help:"With onnx: the network that swaps." placeholder:"NAME"`
	Enhancer   string  `help:"With onnx: a network that makes the swapped face sharper." placeholder:"NAME"`
	Occluder   string  `help:"With onnx: a network that finds what lies in front of the face; otherwise TwinSync's own eye does." placeholder:"NAME"`
	Parser     string  `help:"With onnx: a network that finds the parts of the face; the others stay as filmed." placeholder:"NAME"`
	Landmarker string  `help:"With onnx: a network that finds the points by which the face is aligned; otherwise TwinSync's own are taken, which are steadier." placeholder:"NAME"`
	PixelBoost int     `help:"With onnx: side in pixels at which the face is swapped, one of those in the network's card; 0 is its own." default:"0" placeholder:"N"`
	Weight     float64 `help:"With onnx: above 0.5 further away from the face that is there, below 0.5 nearer to it; 0 to 1." default:"0.5"`
	Blend      int     `help:"With onnx: how much of the enhancer's picture is used, in percent; 0 is what its card says." default:"0" placeholder:"PERCENT"`
	detectorFlag
	storeFlags
}

// engine is what the flags say, for the pipeline.
func (f networkFlags) engine() pipeline.Engine {
	e := pipeline.Engine{
		Model: f.Model, Enhancer: f.Enhancer, Occluder: f.Occluder, Parser: f.Parser, Landmarker: f.Landmarker,
		Boost: f.PixelBoost, Away: f.Weight - .5, Blend: f.Blend,
	}
	if f.Engine != swap.EngineMesh {
		e.Name = f.Engine
	}
	return e
}
