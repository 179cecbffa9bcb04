// @ts-check
// Where to look in a frame, and the crop of it that the network sees.
// S crop side. A matrix is [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f;
// pixel centres lie at whole numbers.

/**
 * @typedef {[number, number, number, number, number, number]} Matrix
 * @typedef {{x: number, y: number, side: number}} Region a square of the upright frame
 * @typedef {{x: number, y: number}} Point
 * @typedef {import('./contract.js').Crop} CropRule
 */

/**
 * The map from the upright frame to an S x S crop of a region.
 * @param {Region} region
 * @param {number} size
 * @returns {Matrix}
 */
export function cropMatrix({x, y, side}, size) {
  const zoom = size / side;
  const middle = (size - 1) / 2;
  return [zoom, 0, middle - zoom * x, 0, zoom, middle - zoom * y];
}

/**
 * How a stored frame lies in the upright one.
 * @param {number} width of the stored frame
 * @param {number} height of the stored frame
 * @param {number} rotation degrees clockwise that turn it upright
 * @param {boolean} mirrored whether it shows a mirror image, undone after turning
 * @returns {{matrix: Matrix, width: number, height: number}} size of the upright frame
 */
export function uprightMatrix(width, height, rotation, mirrored) {
  const right = width - 1;
  const bottom = height - 1;
  /** @type {Record<number, Matrix>} */
  const turns = {
    0: [1, 0, 0, 0, 1, 0],
    90: [0, -1, bottom, 1, 0, 0],
    180: [-1, 0, right, 0, -1, bottom],
    270: [0, 1, 0, -1, 0, right],
  };
  const matrix = turns[rotation];
  if (!matrix) throw new Error(`rotation: expected 0, 90, 180 or 270. Received: ${rotation}`);
  const size = rotation % 180 ? {width: height, height: width} : {width, height};
  if (mirrored) {
    for (const i of [0, 1, 2]) matrix[i] = (i === 2 ? size.width - 1 : 0) - matrix[i];
  }
  return {matrix, ...size};
}

/**
 * First `inner`, then `outer`.
 * @param {Matrix} outer
 * @param {Matrix} inner
 * @returns {Matrix}
 */
export function compose([a, b, c, d, e, f], [g, h, i, j, k, l]) {
  return [
    a * g + b * j, a * h + b * k, a * i + b * l + c,
    d * g + e * j, d * h + e * k, d * i + e * l + f,
  ];
}

/**
 * @param {Matrix} matrix
 * @returns {Matrix}
 */
export function invert([a, b, c, d, e, f]) {
  const scale = 1 / (a * e - b * d);
  const [g, h, i, j] = [e * scale, -b * scale, -d * scale, a * scale];
  return [g, h, -g * c - h * f, i, j, -i * c - j * f];
}

/**
 * @param {Matrix} matrix
 * @param {Point} point
 * @returns {Point}
 */
export function apply([a, b, c, d, e, f], {x, y}) {
  return {x: a * x + b * y + c, y: d * x + e * y + f};
}

/**
 * Resamples a stored frame: bilinear, black outside, whole levels, spread over `range`.
 *
 * In single precision, each operation rounded as in OpenCV 5, which samples for Python: the
 * levels are equal.
 * @param {{data: Uint8ClampedArray | Uint8Array, width: number, height: number}} frame RGBA
 * @param {Matrix} matrix from the stored frame to the crop
 * @param {number} size
 * @param {[number, number]} range of the network's input
 * @returns {Float32Array} S x S x 3, RGB
 */
export function crop(frame, matrix, size, range) {
  const {data, width, height} = frame;
  const [a, b, c, d, e, f] = invert(matrix).map(Math.fround);
  const [low, high] = range;
  const step = (high - low) / 255;
  const pixels = new Float32Array(size * size * 3);
  let at = 0;
  for (let row = 0; row < size; row++) {
    const [fromX, fromY] = [Math.fround(b * row) + c, Math.fround(e * row) + f].map(Math.fround);
    for (let column = 0; column < size; column++, at += 3) {
      const x = Math.fround(a * column + fromX);
      const y = Math.fround(d * column + fromY);
      const left = Math.floor(x);
      const top = Math.floor(y);
      const [right, down] = [Math.fround(x - left), Math.fround(y - top)];
      const inside = [left >= 0 && left < width, left >= -1 && left < width - 1];
      const upper = top >= 0 && top < height;
      const lower = top >= -1 && top < height - 1;
      const from = 4 * (top * width + left);
      for (let channel = 0; channel < 3; channel++) {
        /** @param {boolean} row @param {number} first */
        const mixed = (row, first) => mix(
            row && inside[0] ? data[first] : 0, row && inside[1] ? data[first + 4] : 0, right);
        const level = mix(
            mixed(upper, from + channel), mixed(lower, from + 4 * width + channel), down);
        pixels[at + channel] = low + step * halvesToEven(level);
      }
    }
  }
  return pixels;
}

/**
 * In single precision, multiplication and addition rounded once.
 * @param {number} first
 * @param {number} second
 * @param {number} share of the second one
 */
function mix(first, second, share) {
  return Math.fround(first + share * Math.fround(second - first));
}

/** @param {number} value */
function halvesToEven(value) {
  const level = Math.round(value);
  return level - value === 0.5 && level % 2 ? level - 1 : level;
}

/**
 * The square around a whole frame.
 * @param {number} width
 * @param {number} height
 * @returns {Region}
 */
export function wholeFrame(width, height) {
  return {x: (width - 1) / 2, y: (height - 1) / 2, side: Math.max(width, height)};
}

/**
 * Where to look in the next frame: around the joints that are followed, or at all of it.
 * @param {Point[]} joints in the upright frame
 * @param {ArrayLike<number>} scores
 * @param {number} width of the upright frame
 * @param {number} height of the upright frame
 * @param {CropRule} rule
 * @returns {Region}
 */
export function nextRegion(joints, scores, width, height, rule) {
  /** @param {number} joint */
  const followed = joint => scores[joint] >= rule.threshold;
  const {hips, shoulders} = rule;
  if (!hips.some(followed) || !shoulders.some(followed)) return wholeFrame(width, height);
  const torso = box([...hips, ...shoulders].filter(followed).map(joint => joints[joint]));
  const body = box(joints.filter((_, joint) => followed(joint)));
  const side = Math.max(rule.body_margin * body.side, rule.torso_margin * torso.side);
  if (!(rule.smallest <= side && side <= Math.max(width, height))) {
    return wholeFrame(width, height);
  }
  return {x: body.x, y: body.y, side};
}

/**
 * The middle and longer side of the box around points.
 * @param {Point[]} points
 * @returns {Region}
 */
function box(points) {
  const xs = points.map(({x}) => x);
  const ys = points.map(({y}) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const side = Math.max(right - left, bottom - top);
  return {x: (left + right) / 2, y: (top + bottom) / 2, side};
}
