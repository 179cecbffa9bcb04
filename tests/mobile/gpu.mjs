// Stands in for LiteRT.js, with a GPU that gives the ANSWER; original.js is LiteRT.js itself.

import {getWebGpuDevice as device, loadAndCompile as compile, Tensor} from './original.js';

export * from './original.js';

const answer = 'ANSWER';
const MILLISECONDS = answer === 'real' ? 400 : 60;
const ROUNDS = 6;

export function getWebGpuDevice() {
  if (answer === 'real' && !device()) throw new Error('no GPU in software');
  return {adapterInfo: {isFallbackAdapter: answer === 'software'}};
}

export async function loadAndCompile(content, {accelerator}) {
  const gpu = accelerator === 'webgpu';
  const model = await compile(content, {accelerator: answer === 'real' ? accelerator : 'wasm'});
  if (gpu && answer === 'real') return model;
  const run = model.run.bind(model);
  let runs = 0;
  model.run = async input => {
    runs++;
    if (gpu && answer === 'taken away' && runs > ROUNDS) throw new Error('device lost');
    if (!gpu || answer === 'slower') {
      await new Promise(done => setTimeout(done, gpu ? 2 * MILLISECONDS : MILLISECONDS));
    }
    const [output] = await run(input);
    if (!gpu || answer !== 'other joints') return [output];
    const heatmaps = (await output.data()).toReversed();
    output.delete();
    return [new Tensor(heatmaps, [1, 24, 24, heatmaps.length / 576])];
  };
  if (gpu) Object.defineProperty(model, 'options', {value: {accelerator}});
  return model;
}
