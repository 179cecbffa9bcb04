// @ts-check
// The page: a picture, a video or the camera, the skeleton over it.

import {drawHeatmaps, drawPose} from './draw.js';

/**
 * @typedef {import('./pose/estimator.js').PoseEstimator} PoseEstimator
 * @typedef {import('./pose/estimator.js').Found} Found
 * @typedef {import('./pose/contract.js').Contract} Contract
 * @typedef {{width: number, height: number, data: Uint8ClampedArray}} Pixels
 */

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`no ${type.name} #${id}`);
  return found;
}

const LONGEST_WAIT = 3000;
const RELOADED = 'reloaded for threads';
/** Pixels: canvases of phones end at 16.7 million. */
const LONGEST_SIDE = 4096;

const stage = element('stage', HTMLElement);
const canvas = element('canvas', HTMLCanvasElement);
const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
const problem = element('problem', HTMLParagraphElement);
const player = element('player', HTMLFormElement);
const play = element('play', HTMLButtonElement);
const position = element('position', HTMLInputElement);
const picture = element('picture', HTMLInputElement);
const video = element('video', HTMLInputElement);
const camera = element('camera', HTMLButtonElement);
const turn = element('turn', HTMLButtonElement);
const example = element('example', HTMLButtonElement);
const heatmaps = element('heatmaps', HTMLInputElement);
const save = element('save', HTMLButtonElement);
const model = element('model', HTMLParagraphElement);
const choice = element('choice', HTMLLabelElement);
const student = element('student', HTMLSelectElement);

const reader = new OffscreenCanvas(1, 1);
const readerContext = /** @type {OffscreenCanvasRenderingContext2D} */ (
    reader.getContext('2d', {willReadFrequently: true}));
const film = document.createElement('video');
film.muted = true;
film.loop = true;
film.playsInline = true;

/** @type {PoseEstimator} */
let estimator;
/**
 * What was seen, and by whose rules.
 * @type {{name: string, zoom: number, found: Found, contract: Contract} | null}
 */
let shown = null;
/** @type {Promise<unknown>} */
let looking = Promise.resolve();
/** @type {Map<number, (number[][] | null)>} time in a video to [x, y, score] of each joint */
let followed = new Map();
let session = 0;
let chosen = '';
let facing = 'user';
/** @type {number[]} */
let finished = [];

start().catch(report);

async function start() {
  await offline();
  const response = await fetch('students.json');
  for (const {name, contract} of await response.json()) student.add(new Option(name, contract));
  choice.hidden = student.length < 2;
  estimator = await opened();
  chosen = student.value;
  for (const control of [picture, video, camera, example]) control.disabled = false;
}

/** The estimator of the chosen student. */
async function opened() {
  model.textContent = 'Loading the model…';
  const {PoseEstimator} = await import('./pose/estimator.js').catch(() => {
    throw new Error('LiteRT.js did not load. Was `npm install` run in this folder?');
  });
  const url = new URL(encodeURIComponent(student.value), location.href);
  const estimator = await PoseEstimator.load(url, somebody);
  const {contract} = estimator;
  const {training_data: trained} = /** @type {{training_data?: string}} */ (contract);
  const about = [`${contract.joints.length} joints`, `${contract.image.size} px`,
    `${contract.model.weights} weights`, ...(trained ? [`trained on ${trained}`] : []),
    `runs on ${estimator.accelerator}`];
  model.textContent = about.join(' · ');
  return estimator;
}

/** The example's pixels. */
async function somebody() {
  const image = await createImageBitmap(await (await fetch('example.jpg')).blob());
  const picture = new OffscreenCanvas(image.width, image.height).getContext('2d');
  if (!picture) throw new Error('This browser draws no pictures.');
  picture.drawImage(image, 0, 0);
  return picture.getImageData(0, 0, image.width, image.height);
}

/** Another student looks at what is shown, and at all that follows. */
async function change() {
  const [before, about] = [estimator, model.textContent];
  problem.hidden = true;
  try {
    estimator = await opened();
  } catch (error) {
    model.textContent = about;
    student.value = chosen;
    throw error;
  }
  chosen = student.value;
  await looking.catch(() => null);
  before.close();
  followed = new Map();
  finished = [];
  if (shown && film.paused) await see(shown.name, shown.zoom, null);
}

/**
 * Where the browser can, keeps what is loaded from now on, for when there is no network; loads
 * the page once more where threads need the headers that sw.js adds.
 */
async function offline() {
  const {serviceWorker} = navigator;
  if (!serviceWorker) return;
  if (!serviceWorker.controller) await controlled(serviceWorker);
  if (crossOriginIsolated || !serviceWorker.controller || sessionStorage.getItem(RELOADED)) return;
  sessionStorage.setItem(RELOADED, 'once');
  location.reload();
  await new Promise(() => {});
}

/** @param {ServiceWorkerContainer} serviceWorker */
async function controlled(serviceWorker) {
  await new Promise(done => {
    serviceWorker.addEventListener('controllerchange', done, {once: true});
    serviceWorker.register('sw.js').catch(done);
    setTimeout(done, LONGEST_WAIT);
  });
}

/** @param {unknown} error */
function report(error) {
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
  if (canvas.hidden) mark(null);
}

/** @param {HTMLElement | null} control the button of what is shown */
function mark(control) {
  for (const each of document.querySelectorAll('.chosen')) each.classList.remove('chosen');
  (control?.closest('label') ?? control)?.classList.add('chosen');
}

/**
 * Ends what was shown and begins something else.
 * @param {HTMLElement} control the button it was chosen with
 * @returns {number} its session
 */
function begin(control) {
  problem.hidden = true;
  player.hidden = true;
  turn.hidden = true;
  shown = null;
  followed = new Map();
  canvas.hidden = true;
  canvas.title = '';
  save.disabled = true;
  stage.classList.add('empty');
  element('hint', HTMLDivElement).hidden = false;
  canvas.classList.remove('mirrored');
  mark(control);
  film.pause();
  if (film.srcObject instanceof MediaStream) {
    for (const track of film.srcObject.getTracks()) track.stop();
  }
  if (film.src) URL.revokeObjectURL(film.src);
  film.srcObject = null;
  film.removeAttribute('src');
  estimator.forget();
  finished = [];
  return ++session;
}

/** @param {File} file */
async function openPicture(file) {
  const mine = begin(picture);
  const image = await createImageBitmap(file, {colorSpaceConversion: 'none'}).catch(() => {
    throw new Error(`${file.name} is not a picture that this browser reads.`);
  });
  if (mine === session) await look(file.name, image, image.width, image.height, null);
}

async function openExample() {
  const response = await fetch('example.jpg');
  await openPicture(new File([await response.blob()], 'example.jpg'));
}

/** @param {File} file */
async function openVideo(file) {
  const mine = begin(video);
  film.src = URL.createObjectURL(file);
  await film.play().catch(() => {
    if (mine === session) throw new Error(`${file.name} is not a video that this browser plays.`);
  });
  player.hidden = false;
  play.textContent = 'Pause';
  await follow(file.name, mine);
}

async function openCamera() {
  const mine = begin(camera);
  const wanted = {facingMode: facing, width: {ideal: 1280}, height: {ideal: 720}};
  const stream = await navigator.mediaDevices.getUserMedia({video: wanted}).catch(error => {
    throw new Error(`The camera could not be opened: ${error.message}.`);
  });
  if (mine !== session) {
    for (const track of stream.getTracks()) track.stop();
    return;
  }
  film.srcObject = stream;
  await film.play();
  const settings = stream.getVideoTracks()[0].getSettings();
  canvas.classList.toggle('mirrored', settings.facingMode !== 'environment');
  const devices = await navigator.mediaDevices.enumerateDevices();
  turn.hidden = devices.filter(({kind}) => kind === 'videoinput').length < 2;
  await follow('camera', mine);
}

/**
 * Looks at each new frame until something else begins.
 * @param {string} name
 * @param {number} mine the session
 */
async function follow(name, mine) {
  while (mine === session) {
    const seconds = await nextFrame();
    if (mine !== session) return;
    await look(name, film, film.videoWidth, film.videoHeight, seconds);
    finished = [...finished.slice(-20), performance.now()];
    if (film.duration) position.value = String(film.currentTime / film.duration);
  }
}

/** @returns {Promise<number>} the time of the film's next frame, in seconds */
function nextFrame() {
  return new Promise(done => {
    film.requestVideoFrameCallback((now, {mediaTime}) => {
      done(film.srcObject ? now / 1000 : mediaTime);
    });
  });
}

/**
 * Finds the joints in a frame and shows them.
 * @param {string} name
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @param {number | null} seconds of a film's frame; null of a picture, which is searched
 */
async function look(name, source, width, height, seconds) {
  const zoom = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const size = {width: Math.round(zoom * width), height: Math.round(zoom * height)};
  Object.assign(reader, size);
  readerContext.drawImage(source, 0, 0, size.width, size.height);
  if (seconds === null) drawPicture();
  await see(name, zoom, seconds);
}

/**
 * @param {string} name
 * @param {number} zoom from the file to the pixels that were read
 * @param {number | null} seconds
 */
async function see(name, zoom, seconds) {
  const image = readerContext.getImageData(0, 0, reader.width, reader.height);
  const [mine, {contract}] = [session, estimator];
  const look = seconds === null ? estimator.find(image) : estimator.next(image, seconds);
  looking = look;
  const found = await look;
  if (mine !== session) return;
  shown = {name, zoom, found, contract};
  if (seconds !== null && !film.srcObject) followed.set(seconds, rows(found, zoom));
  draw();
}

/** What was read, alone: a photograph is searched for a second or two. */
function drawPicture() {
  const {width, height} = reader;
  element('hint', HTMLDivElement).hidden = true;
  canvas.hidden = false;
  canvas.setAttribute('aria-label', 'Looking for a person');
  const zoom = Math.max(1, devicePixelRatio * Math.min(
      stage.clientWidth / width, stage.clientHeight / height));
  Object.assign(canvas, {width: width * zoom, height: height * zoom});
  context.scale(zoom, zoom);
  context.drawImage(reader, 0, 0);
}

function draw() {
  if (!shown) return;
  const {found, found: {pose}, contract} = shown;
  drawPicture();
  stage.classList.remove('empty');
  save.disabled = false;
  if (heatmaps.checked) drawHeatmaps(context, found, contract);
  if (pose) drawPose(context, pose, contract);
  const seen = pose?.scores.filter(score => score >= contract.score.threshold).length;
  const summary = pose ? `${seen} of ${pose.scores.length}` : 'no';
  canvas.title = shown.name;
  canvas.setAttribute('aria-label', pose ? `${summary} joints found` : 'Nobody found');
  write('seen', summary);
  write('milliseconds', String(Math.round(found.milliseconds)));
  const span = finished.length > 1 ? finished[finished.length - 1] - finished[0] : 0;
  element('frames', HTMLLIElement).hidden = !span;
  write('rate', span ? (1000 * (finished.length - 1) / span).toFixed(1) : '');
}

/**
 * [x, y, score] of each joint, in pixels of the file.
 * @param {Found} found
 * @param {number} zoom from the file to what was looked at
 */
function rows({pose}, zoom) {
  /** @param {number} place */
  const back = place => (place + 0.5) / zoom - 0.5;
  return pose?.joints.map(({x, y}, joint) => [back(x), back(y), pose.scores[joint]]) ?? null;
}

/** @param {string} id @param {string} text */
function write(id, text) {
  element(id, HTMLElement).textContent = text;
}

/** @param {File | undefined} file */
function open(file) {
  if (!file) return;
  (file.type.startsWith('video/') ? openVideo(file) : openPicture(file)).catch(report);
}

for (const input of [picture, video]) {
  input.addEventListener('change', () => {
    open(input.files?.[0]);
    input.value = '';
  });
}

example.addEventListener('click', () => openExample().catch(report));

camera.addEventListener('click', () => openCamera().catch(report));

turn.addEventListener('click', () => {
  facing = facing === 'user' ? 'environment' : 'user';
  openCamera().catch(report);
});

play.addEventListener('click', () => {
  play.textContent = film.paused ? 'Pause' : 'Play';
  if (film.paused) film.play().catch(report);
  else film.pause();
});

position.addEventListener('input', () => {
  film.currentTime = Number(position.value) * film.duration;
});

student.addEventListener('change', () => {
  student.disabled = true;
  change().catch(report).finally(() => student.disabled = false);
});

heatmaps.addEventListener('change', draw);
addEventListener('resize', draw);

save.addEventListener('click', () => {
  if (!shown) return;
  const frames = [...followed].sort(([one], [other]) => one - other);
  const records = followed.size ?
      frames.map(([seconds, joints]) => ({seconds, joints})) :
      [{path: shown.name, joints: rows(shown.found, shown.zoom)}];
  const content = JSON.stringify(records);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], {type: 'application/json'}));
  link.download = 'joints.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});

addEventListener('dragover', event => {
  event.preventDefault();
  stage.classList.add('over');
});
addEventListener('dragleave', event => {
  if (!event.relatedTarget) stage.classList.remove('over');
});
addEventListener('drop', event => {
  event.preventDefault();
  stage.classList.remove('over');
  if (!picture.disabled) open(event.dataTransfer?.files[0]);
});
