// @ts-check
// Skeletons and heatmaps on a canvas. Canvas pixel centres lie half a pixel further.

/**
 * @typedef {import('./pose/contract.js').Contract} Contract
 * @typedef {import('./pose/estimator.js').Found} Found
 * @typedef {import('./pose/track.js').Pose} Pose
 */

const RIGHT = '#ff7a3c';
const LEFT = '#28a8ff';
const MIDDLE = '#f0ece4';
const OUTLINE = '#181a20';
const PLASMA = [[13, 8, 135], [126, 3, 168], [204, 71, 120], [248, 149, 64], [240, 249, 33]];

/**
 * The person's right orange, left blue, middle white; joints not seen are left out.
 * @param {CanvasRenderingContext2D} context
 * @param {Pose} pose
 * @param {Contract} contract
 */
export function drawPose(context, {joints, scores}, contract) {
  /** @param {number} joint */
  const seen = joint => scores[joint] >= contract.score.threshold;
  const shown = joints.filter((_, joint) => seen(joint));
  const extent = Math.max(spread(shown.map(({x}) => x)), spread(shown.map(({y}) => y)));
  const thickness = Math.max(1, extent / 50);
  const rim = Math.max(1, thickness / 5);
  context.save();
  context.translate(0.5, 0.5);
  context.lineCap = 'round';
  for (const [start, end] of contract.limbs.filter(limb => limb.every(seen))) {
    for (const [lineWidth, color] of /** @type {[number, string][]} */ (
        [[thickness + 2 * rim, OUTLINE], [thickness, side(contract, [start, end])]])) {
      context.lineWidth = lineWidth;
      context.strokeStyle = color;
      context.beginPath();
      context.moveTo(joints[start].x, joints[start].y);
      context.lineTo(joints[end].x, joints[end].y);
      context.stroke();
    }
  }
  joints.forEach(({x, y}, joint) => {
    if (!seen(joint)) return;
    for (const [radius, color] of /** @type {[number, string][]} */ (
        [[1.1 * thickness + rim, OUTLINE], [1.1 * thickness, side(contract, [joint])]])) {
      context.fillStyle = color;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    }
  });
  context.restore();
}

/**
 * The strongest heatmap of each place, over the region that the network looked at.
 * @param {CanvasRenderingContext2D} context
 * @param {Found} found
 * @param {Contract} contract
 */
export function drawHeatmaps(context, {heatmaps, region}, contract) {
  const {width, height} = contract.heatmaps;
  const count = contract.joints.length;
  const picture = new ImageData(width, height);
  for (let cell = 0; cell < width * height; cell++) {
    let strength = 0;
    for (let joint = 0; joint < count; joint++) {
      strength = Math.max(strength, heatmaps[cell * count + joint]);
    }
    strength = Math.min(strength, 1);
    const place = strength * (PLASMA.length - 1);
    const stop = Math.min(Math.floor(place), PLASMA.length - 2);
    const color = PLASMA[stop].map(
        (low, i) => low + (place - stop) * (PLASMA[stop + 1][i] - low));
    picture.data.set([...color, 255 * 0.8 * (1 - (1 - strength) ** 2)], 4 * cell);
  }
  const small = new OffscreenCanvas(width, height);
  small.getContext('2d')?.putImageData(picture, 0, 0);
  const {x, y, side} = region;
  const corner = [x + 0.5 - side / 2, y + 0.5 - side / 2];
  context.save();
  context.imageSmoothingQuality = 'high';
  context.drawImage(small, corner[0], corner[1], side, side);
  context.lineWidth = Math.max(1, side / 200);
  context.strokeStyle = '#ffffff99';
  context.setLineDash([side / 50, side / 50]);
  context.strokeRect(corner[0], corner[1], side, side);
  context.restore();
}

/** @param {number[]} values */
function spread(values) {
  return values.length ? Math.max(...values) - Math.min(...values) : 0;
}

/** @param {Contract} contract @param {number[]} joints */
function side(contract, joints) {
  const sides = joints.map(joint => contract.joints[joint].split('_')[0]);
  const [right, left] = [sides.includes('right'), sides.includes('left')];
  if (right === left) return MIDDLE;
  return right ? RIGHT : LEFT;
}
