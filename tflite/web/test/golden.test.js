// @ts-check
// Holds this code against what Python computed. Run: node --test

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {readContract} from '../pose/contract.js';
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
    near(crop({data, width, height}, found, size, [0, 255]), levels, 1e-3);
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

test('a newer contract is refused', () => {
  const newer = JSON.stringify({...golden.contract, version: 2});
  assert.throws(() => readContract(newer), /expected version 1. Received: 2/);
});
