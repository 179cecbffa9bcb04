// @ts-check
// Where to look for a person, and whether one is there.

import {wholeFrame} from './crop.js';

/**
 * @typedef {import('./contract.js').Contract} Contract
 * @typedef {import('./crop.js').Region} Region
 */

/**
 * For each of the contract's sides, shares of the frame's longer side, squares that stand
 * evenly from edge to edge, half a side apart or less, row by row. A network without hips or
 * shoulders looks at the whole frame: nobody can be followed.
 * @param {number} width of the upright frame
 * @param {number} height of the upright frame
 * @param {Contract} contract
 * @returns {Region[]}
 */
export function squares(width, height, {crop, search}) {
  if (!crop.hips.length || !crop.shoulders.length) return [wholeFrame(width, height)];
  return search.sides.flatMap(share => {
    const side = share * Math.max(width, height);
    const columns = centres(width, side);
    return centres(height, side).flatMap(y => columns.map(x => ({x, y, side})));
  });
}

/** @param {number} length @param {number} side */
function centres(length, side) {
  const first = (side - 1) / 2;
  const last = length - (side + 1) / 2;
  if (last <= first) return [(length - 1) / 2];
  const steps = Math.ceil((last - first) / (side / 2));
  return Array.from({length: steps + 1}, (_, i) => first + i * (last - first) / steps);
}

/** @param {number[]} scores */
export function mean(scores) {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
