// @ts-check
// Heatmaps to joints. H x W cells, K joints.

/**
 * @typedef {import('./contract.js').Decode} DecodeRule
 * @typedef {import('./crop.js').Point} Point
 */

/**
 * Finds each joint: the largest cell, moved by a parabola through the logarithms.
 * @param {ArrayLike<number>} heatmaps H x W x K
 * @param {{height: number, width: number, stride: number}} shape
 * @param {DecodeRule} rule
 * @returns {{joints: Point[], scores: number[]}} joints in pixels of the crop
 */
export function decode(heatmaps, {height, width, stride}, rule) {
  const count = heatmaps.length / (height * width);
  const joints = [];
  const scores = [];
  for (let joint = 0; joint < count; joint++) {
    const peak = largest(heatmaps, joint, count);
    const x = peak % width;
    const y = Math.floor(peak / width);
    /** @param {number} step @param {number} position @param {number} last */
    const move = (step, position, last) => {
      if (position === 0 || position === last) return 0;
      const [before, at, after] = [-step, 0, step].map(
          offset => Math.log(Math.max(
              heatmaps[(peak + offset) * count + joint], rule.log_floor)));
      const bend = before - 2 * at + after;
      if (!(bend < 0)) return 0;
      const vertex = (before - after) / (2 * bend);
      return Math.min(Math.max(vertex, -rule.max_move), rule.max_move);
    };
    joints.push({
      x: stride * (x + move(1, x, width - 1)) + (stride - 1) / 2,
      y: stride * (y + move(width, y, height - 1)) + (stride - 1) / 2,
    });
    scores.push(heatmaps[peak * count + joint]);
  }
  return {joints, scores};
}

/**
 * The first of the largest cells.
 * @param {ArrayLike<number>} heatmaps
 * @param {number} joint
 * @param {number} count
 */
function largest(heatmaps, joint, count) {
  let best = 0;
  for (let cell = 1; cell * count < heatmaps.length; cell++) {
    if (heatmaps[cell * count + joint] > heatmaps[best * count + joint]) best = cell;
  }
  return best;
}
