// @ts-check
// Holds this code against what Python computed. Run: node --test

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {checkModel, readContract} from '../pose/contract.js';
import {compose, crop, cropMatrix, nextRegion, uprightMatrix} from '../pose/crop.js';
import {decode} from '../pose/decode.js';
import {squares} from '../pose/search.js';
import {Track} from '../pose/track.js';

const golden = JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8'));
const contract = readContract(JSON.stringify(golden.contract));

/**
 * @param {ArrayLike<number>} received
 * @param {ArrayLike<number>} expected
 * @param {number} tolerance
 */
function near(received, expected, tolerance) {
  assert.equal(received.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(
        Math.abs(received[i] - expected[i]) <= tolerance,
        `[${i}] expected ${expected[i]} within ${tolerance}. Received: ${received[i]}`);
  }
}

/** @param {{x: number, y: number}[]} points */
const flat = points => points.flatMap(({x, y}) => [x, y]);

/** @param {{x: number, y: number, side: number}} region */
const listed = ({x, y, side}) => [x, y, side];

test('heatmaps to joints', () => {
  for (const {heatmaps, joints, scores} of golden.decode) {
    const found = decode(Float32Array.from(heatmaps), contract.heatmaps, contract.decode);
    near(flat(found.joints), joints.flat(), 1e-4 * contract.image.size);
    near(found.scores, scores, 1e-6);
  }
});

test('frames to crops', () => {
  const {width, height, levels, size, views} = golden.crop;
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) data.set(levels.slice(3 * i, 3 * i + 3), 4 * i);
  for (const {rotation, mirrored, region: [x, y, side], matrix, levels} of views) {
    const upright = uprightMatrix(width, height, rotation, mirrored);
    const found = compose(cropMatrix({x, y, side}, size), upright.matrix);
    near(found, matrix, 1e-9);
    const input = crop({data, width, height}, found, size, [-255, 255]);
    near(input.map(value => (value + 255) / 2), levels, 1e-3);
  }
});

test('joints to the next region', () => {
  for (const {width, height, joints, scores, region} of golden.regions) {
    /** @type {{x: number, y: number}[]} */
    const points = joints.map((/** @type {number[]} */ [x, y]) => ({x, y}));
    const found = nextRegion(points, scores, width, height, contract.crop);
    near(listed(found), region, 1e-9 * width);
  }
});

test('frames to squares', () => {
  for (const {width, height, regions} of golden.squares) {
    const found = squares(width, height, contract);
    near(found.flatMap(listed), regions.flat(), 1e-9 * width);
    for (const part of ['hips', 'shoulders']) {
      const torsoless = {...contract, crop: {...contract.crop, [part]: []}};
      near(squares(width, height, torsoless).flatMap(listed), regions[0], 0);
    }
  }
});

test('a person through 60 frames', () => {
  const track = new Track(contract);
  const {height, width} = contract.heatmaps;
  for (const frame of golden.track) {
    const heatmaps = new Float32Array(height * width * contract.joints.length);
    frame.cells.forEach((/** @type {number} */ cell, /** @type {number} */ i) => {
      heatmaps[cell] = frame.codes[i] / 255;
    });
    const view = track.view(frame.width, frame.height, frame.rotation, frame.mirrored);
    const side = Math.max(view.width, view.height);
    near(listed(view.region), frame.region, 1e-4 * side);
    near(view.matrix, frame.matrix, 1e-3);
    const pose = track.update(heatmaps, view, frame.seconds);
    assert.equal(pose === null, frame.joints === null);
    if (!pose) continue;
    near(flat(pose.joints), frame.joints.flat(), 1e-4 * side);
    near(pose.scores, frame.scores, 1e-6);
  }
});

test('an older contract has its defaults', () => {
  const {search, score, ...older} = golden.contract;
  const {presence, ...rest} = score;
  const read = readContract(JSON.stringify({...older, score: rest}));
  assert.deepEqual([read.score.presence, read.search.sides], [0.2, [1, 0.75, 0.5]]);
});

test('another model is refused', async () => {
  const model = new Uint8Array(readFileSync(new URL('../pose.tflite', import.meta.url)));
  await checkModel(contract, model);
  const said = /^Error: pose.tflite is not the file that pose.json describes/;
  await assert.rejects(checkModel(contract, model.slice(1)), said);
});

test('a contract of other rules is refused', () => {
  /** @param {string} field @param {unknown} value @param {RegExp} said */
  const refused = (field, value, said) => {
    const other = JSON.stringify({...golden.contract, [field]: value});
    assert.throws(() => readContract(other), said);
  };
  refused('version', 2, /expected version 1. Received: 2/);
  refused('version', 0, /expected version 1. Received: 0/);
  for (const part of ['decode', 'crop', 'search', 'smoothing']) {
    const rule = {...golden.contract[part], rule: 'another'};
    refused(part, rule, new RegExp(`${part}: expected [a-z_]+. Received: another`));
  }
  for (const part of ['image', 'heatmaps']) {
    const tensor = {...golden.contract[part], dtype: 'int8'};
    refused(part, tensor, /expected float32. Received: int8/);
  }
});
