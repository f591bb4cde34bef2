// Runs a TensorFlow.js graph model on its plain JavaScript back end, for check.py: the arguments are the bundle
// of TensorFlow.js, the model's JSON, its weights, the name of an output, and a file of 32-bit floats per
// picture; the outputs go to standard output, one after the other.
const fs = require("fs");
const [bundle, graph, weights, output, side, ...pictures] = process.argv.slice(2);
const tf = require(bundle);
const model = JSON.parse(fs.readFileSync(graph));
const data = fs.readFileSync(weights);

async function main() {
  await tf.setBackend("cpu");
  const net = await tf.loadGraphModel({
    load: async () => ({
      modelTopology: model.modelTopology, signature: model.signature, format: model.format,
      weightSpecs: model.weightsManifest[0].weights,
      weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.length),
    }),
  });
  for (const name of pictures) {
    const raw = fs.readFileSync(name);
    const values = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
    const result = net.execute(tf.tensor4d(values, [1, +side, +side, 3]), output);
    fs.writeSync(1, Buffer.from(result.dataSync().buffer));
  }
}
main().catch((e) => { console.error(e); process.exit(1); });
