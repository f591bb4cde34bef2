package infer

import "gopkg.in/yaml.v3"

// Template says where five points of a face lie in a network's picture: left eye, right eye, nose
// tip, left and right corner of the mouth, left and right as the picture shows them. It has a
// name, points of its own, or neither.
//
// A point p of the template, a fraction of the side, lies at pixel (½ + (p − ½)·Scale + Offset)·side, whole numbers
// being pixel centres, as OpenCV counts: that is how these networks were trained. At k times the network's
// size (pixel boost) the exact place is (q + ½)·k − ½ with q that pixel.
type Template struct {
	// Name is one of TemplateNames.
	Name string `yaml:"name,omitempty" json:"name,omitempty"`
	// Points are fractions of the side.
	Points [][2]float64 `yaml:"points,flow,omitempty" json:"points,omitempty"`
	// Scale about the middle, 1 unless given; Offset in fractions of the side.
	Scale  float64    `yaml:"scale" json:"scale,omitempty"`
	Offset [2]float64 `yaml:"offset,flow,omitempty" json:"offset,omitzero"`
}

// UnmarshalYAML fills in what is left out.
func (t *Template) UnmarshalYAML(n *yaml.Node) error {
	type plain Template
	p := plain{Scale: 1}
	if err := n.Decode(&p); err != nil {
		return err
	}
	*t = Template(p)
	return nil
}

// Set tells whether there is a template at all.
func (t Template) Set() bool { return t.Name != "" || len(t.Points) > 0 }

// FivePoints are the five points of a template, x and y.
type FivePoints [5][2]float64

// At gives the template in pixels of a picture of this side: one set of points, or several, of
// which the one with the least residual is meant (poses from profile to profile). Nil without a
// template.
func (t Template) At(side int) []FivePoints {
	var all []FivePoints
	switch {
	case t.Name != "":
		all = templates(t.Name)
	case len(t.Points) == 5:
		all = []FivePoints{FivePoints(t.Points)}
	}
	for i := range all {
		for j := range all[i] {
			for k := range 2 {
				all[i][j][k] = (0.5 + (all[i][j][k]-0.5)*t.Scale + t.Offset[k]) * float64(side)
			}
		}
	}
	return all
}

// TemplateNames lists the templates that are known by name.
func TemplateNames() []string {
	return []string{"arcface_112_v1", "arcface_112_v2", "arcface_128", "dfl_whole_face", "ffhq_512", "mtcnn_512", "styleganex_384", "arcface_112_poses"}
}

// templates gives a fresh copy of the points of a named template, as fractions of the side. The numbers are
// FaceFusion 3.8.1's; arcface_112_v2 is InsightFace's of 112 pixels divided by 112, arcface_128 the
// same moved 8 pixels to the right and divided by 128, and the poses are InsightFace's older set, used
// by VisoMaster for Ghost.
func templates(name string) []FivePoints {
	switch name {
	case "arcface_112_v1":
		return []FivePoints{{{0.35473214, 0.45658929}, {0.64526786, 0.45658929}, {0.50000000, 0.61154464}, {0.37913393, 0.77687500}, {0.62086607, 0.77687500}}}
	case "arcface_112_v2":
		return []FivePoints{{{0.34191607, 0.46157411}, {0.65653393, 0.45983393}, {0.50022500, 0.64050536}, {0.37097589, 0.82469196}, {0.63151696, 0.82325089}}}
	case "arcface_128":
		return []FivePoints{{{0.36167656, 0.40387734}, {0.63696719, 0.40235469}, {0.50019687, 0.56044219}, {0.38710391, 0.72160547}, {0.61507734, 0.72034453}}}
	case "dfl_whole_face":
		return []FivePoints{{{0.35342266, 0.39285716}, {0.62797622, 0.39285716}, {0.48660713, 0.54017860}, {0.38839287, 0.68750011}, {0.59821427, 0.68750011}}}
	case "ffhq_512":
		return []FivePoints{{{0.37691676, 0.46864664}, {0.62285697, 0.46912813}, {0.50123859, 0.61331904}, {0.39308822, 0.72541100}, {0.61150205, 0.72490465}}}
	case "mtcnn_512":
		return []FivePoints{{{0.36562865, 0.46733799}, {0.63305391, 0.46585885}, {0.50019127, 0.61942959}, {0.39032951, 0.77598822}, {0.61178945, 0.77476328}}}
	case "styleganex_384":
		return []FivePoints{{{0.42353745, 0.52289879}, {0.57725008, 0.52319972}, {0.50123859, 0.61331904}, {0.43364461, 0.68337652}, {0.57015325, 0.68306005}}}
	case "arcface_112_poses":
		poses := []FivePoints{
			{{51.642, 50.115}, {57.617, 49.990}, {35.740, 69.007}, {51.157, 89.050}, {57.025, 89.702}}, // left profile
			{{45.031, 50.118}, {65.568, 50.872}, {39.677, 68.111}, {45.177, 86.190}, {64.246, 86.758}},
			{{39.730, 51.138}, {72.270, 51.138}, {56.000, 68.493}, {42.463, 87.010}, {69.537, 87.010}},
			{{46.845, 50.872}, {67.382, 50.118}, {72.737, 68.111}, {48.167, 86.758}, {67.236, 86.190}},
			{{54.796, 49.990}, {60.771, 50.115}, {76.673, 69.007}, {55.388, 89.702}, {61.257, 89.050}}, // right profile
		}
		for i := range poses {
			for j := range poses[i] {
				for k := range 2 {
					poses[i][j][k] /= 112
				}
			}
		}
		return poses
	}
	return nil
}
