// Drives the page in headless Chromium: `node browser.mjs JOB.json`, an answer on stdout.
// A job: {url, students, plain, film, photographs, few, large, shots}: addresses of the page, of
// one with the shipped students, of one from a server without headers; absolute paths.

import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const {chromium} = createRequire(job.tools + '/')('playwright-core');

const PATIENCE = 300_000;

const launched = args => chromium.launch({
  executablePath: job.chromium,
  args: [
    '--no-sandbox', '--no-first-run', '--disable-background-networking',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', ...args,
  ],
});
const browser = await launched(['--disable-gpu']);
const withGpu = await launched([
  '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader',
]);
const context = await browser.newContext({viewport: {width: 1000, height: 700}});
context.setDefaultTimeout(PATIENCE);
await context.addInitScript(keepSaved);
const page = await context.newPage();
const answer = {errors: [], requests: []};
page.on('pageerror', error => answer.errors.push(error.message));
page.on('request', request => answer.requests.push(request.url()));

const figure = id => page.textContent(`#${id}`);
const shoot = name => page.screenshot({path: `${job.shots}/${name}.png`});

async function open(page, url = job.url) {
  await page.goto(url);
  await page.waitForSelector('#picture:enabled, #problem:visible', {state: 'attached'});
}

/** Runs in the page before its own code: keeps a copy of the text that it saves. */
function keepSaved() {
  const create = URL.createObjectURL.bind(URL);
  URL.createObjectURL = content => {
    if (content.type === 'application/json') content.text().then(text => window.saved = text);
    return create(content);
  };
}

/**
 * What the page saves. Read from the page: Chromium now and then begins no download (2 runs of
 * 10), so `downloaded` looks at the file itself only once.
 */
async function saved(page) {
  await page.evaluate(() => window.saved = null);
  await page.click('#save');
  return JSON.parse(await (await page.waitForFunction(() => window.saved)).jsonValue());
}

/** The saved file as it lies on the disk, with its name; a lost download is begun again. */
async function downloaded(page) {
  for (let attempt = 1; attempt <= 5; ++attempt) {
    const [download] = await Promise.all([
      page.waitForEvent('download', {timeout: 20_000}).catch(() => null), page.click('#save'),
    ]);
    if (download) {
      const content = JSON.parse(readFileSync(await download.path(), 'utf8'));
      return {name: download.suggestedFilename(), content};
    }
  }
  throw new Error('Chromium began no download in five attempts.');
}

/** A page that nothing is kept for. */
async function fresh(using = browser) {
  const page = await using.newPage({serviceWorkers: 'block'});
  await page.addInitScript(keepSaved);
  page.setDefaultTimeout(PATIENCE);
  return page;
}

async function choose(page, name) {
  await page.selectOption('#student', {label: name});
  await page.waitForFunction(() => !document.querySelector('#student').disabled);
}

async function shows(page, path) {
  await page.setInputFiles('#picture', path);
  await page.waitForFunction(
      name => document.querySelector('#canvas').title === name, path.split('/').pop());
}

/** Keeps what the canvas said of itself when a photograph was shown first. */
function keepEarly(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('#canvas');
    new MutationObserver(() => {
      if (!canvas.hidden) window.early ??= {title: canvas.title, label: canvas.ariaLabel};
    }).observe(canvas, {attributeFilter: ['hidden']});
  });
}

/** A file that is dragged into the browser and let go in the middle of an element. */
async function drop(page, path, selector) {
  const {x, y, width, height} = await page.locator(selector).boundingBox();
  const session = await page.context().newCDPSession(page);
  const data = {items: [], files: [path], dragOperationsMask: 1};
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await session.send(
        'Input.dispatchDragEvent', {type, x: x + width / 2, y: y + height / 2, data});
  }
  await page.waitForFunction(
      name => document.querySelector('#canvas').title === name, path.split('/').pop());
}

await open(page);
answer.about = await figure('model');
answer.isolated = await page.evaluate(() => crossOriginIsolated);
await shoot('start');
await page.click('#example');
await page.waitForFunction(() => document.querySelector('#canvas').title === 'example.jpg');
answer.example = (await saved(page))[0];
answer.downloaded = await downloaded(page);
answer.photographs = [];
await keepEarly(page);
for (const path of job.photographs) {
  await shows(page, path);
  answer.photographs.push((await saved(page))[0]);
}
answer.early = await page.evaluate(() => window.early);
await shoot('skeleton');
answer.ratedPicture = await page.isVisible('#frames');
await page.check('#heatmaps');
await shoot('heatmaps');
await page.uncheck('#heatmaps');

await page.setInputFiles('#picture', {
  name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture'),
});
await page.waitForSelector('#problem:visible');
answer.broken = await figure('problem');
answer.cleared = await page.isHidden('#canvas') && await page.isDisabled('#save');
answer.chosen = await page.locator('.chosen').count();

answer.dropped = {};
for (const place of ['#stage', 'header']) {
  await drop(page, job.photographs[0], place);
  answer.dropped[place] = (await saved(page))[0];
  await page.reload();
  await page.waitForSelector('#picture:enabled', {state: 'attached'});
}

await page.setInputFiles('#video', {
  name: 'broken.webm', mimeType: 'video/webm', buffer: Buffer.from('no film'),
});
await page.waitForFunction(() => document.querySelector('#problem').textContent.includes('webm'));
answer.brokenFilm = await figure('problem');

await page.setInputFiles('#video', job.film);
await page.waitForFunction(() => Number(document.querySelector('#rate').textContent) > 0);
answer.rate = await figure('rate');
await page.waitForTimeout(500);
answer.film = await saved(page);

await page.setViewportSize({width: 390, height: 780});
await page.click('#camera');
await page.waitForFunction(() => document.querySelector('#canvas').title === 'camera');
answer.widest = await page.evaluate(() => document.documentElement.scrollWidth);
answer.mirrored = await page.isVisible('#canvas.mirrored');
await shoot('phone');

await context.setOffline(true);
await open(page);
await shows(page, job.photographs[0]);
answer.offline = (await saved(page))[0];

for (const [name, files] of [['runtime', '**/node_modules/**'], ['model', '**/pose.tflite']]) {
  const broken = await fresh();
  await broken.route(files, route => route.fulfill({body: 'another file'}));
  await broken.goto(job.url);
  await broken.waitForSelector('#problem:visible');
  answer[name] = await broken.textContent('#problem');
}

/** Makes the check for relaxed SIMD (opcode fd 80 02) fail, as it does in Safari. */
function withoutRelaxedSimd() {
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = (content, ...others) => {
    if (content.length < 100 && [...content].join().includes('253,128,2')) {
      return Promise.reject(new WebAssembly.CompileError('invalid simd opcode 0x100'));
    }
    return instantiate(content, ...others);
  };
}

/** The page on another build of the runtime: joints, and which .wasm was fetched. */
async function elsewhere(prepare, url = job.url, using = browser) {
  const page = await fresh(using);
  const fetched = [];
  page.on('request', request => fetched.push(request.url()));
  await prepare(page);
  await open(page, url);
  await shows(page, job.photographs[0]);
  const [record] = await saved(page);
  const builds = fetched.filter(url => url.endsWith('.wasm')).map(url => url.split('/').pop());
  const about = await page.textContent('#model');
  await page.close();
  return {record, builds, about};
}

/** Heatmaps of the whole example, of a student that is opened anew, on WebAssembly. */
async function oneLook() {
  const {PoseEstimator} = await import('/pose/estimator.js');
  const {cropMatrix, wholeFrame} = await import('/pose/crop.js');
  const file = document.querySelector('#student').value;
  const estimator = await PoseEstimator.load(new URL(encodeURIComponent(file), location.href));
  const image = await createImageBitmap(await (await fetch('example.jpg')).blob());
  const {width, height} = image;
  const picture = new OffscreenCanvas(width, height).getContext('2d');
  picture.drawImage(image, 0, 0);
  const frame = picture.getImageData(0, 0, width, height);
  const region = wholeFrame(width, height);
  const heatmaps = await estimator.run(
      frame, cropMatrix(region, estimator.contract.image.size));
  estimator.close();
  return [...heatmaps];
}

const students = await fresh();
await open(students, job.students);
answer.offered = await students.$$eval('#student option', found => found.map(each => each.text));
answer.shipped = {};
answer.again = {};
answer.looks = {};
for (const name of answer.offered) {
  await choose(students, name);
  answer.looks[name] = await students.evaluate(oneLook);
  answer.shipped[name] = [];
  for (const path of job.few) {
    await shows(students, path);
    answer.shipped[name].push((await saved(students))[0]);
  }
}
for (const name of answer.offered) {
  await choose(students, name);
  answer.again[name] = (await saved(students))[0];
}
await students.screenshot({path: `${job.shots}/students.png`});
await choose(students, answer.offered[1]);
await shows(students, job.large);
answer.large = (await saved(students))[0];
await students.screenshot({path: `${job.shots}/large.png`});
await choose(students, answer.offered[0]);
await students.route('**/pose-lite*.tflite', route => route.abort());
await students.selectOption('#student', {label: answer.offered[2]});
await students.waitForSelector('#problem:visible');
answer.unfetched = {
  said: await students.textContent('#problem'),
  chosen: await students.inputValue('#student'),
  about: await students.textContent('#model'),
};
await students.close();

answer.gpu = {};
const RUNTIME = 'node_modules/@litertjs/core/dist/index.js';
for (const gpu of ['none', 'software', 'same', 'other joints', 'slower', 'taken away', 'real']) {
  const prepare = async page => {
    const original = readFileSync(`${job.tools}/${RUNTIME}`, 'utf8');
    const contentType = 'text/javascript';
    await page.route('**/original.js', route => route.fulfill({contentType, body: original}));
    if (gpu !== 'none') {
      const body = readFileSync(new URL('gpu.mjs', import.meta.url), 'utf8');
      await page.route(`**/${RUNTIME}`, route => route.fulfill(
          {contentType, body: body.replace("'ANSWER'", JSON.stringify(gpu))}));
    }
  };
  answer.gpu[gpu] = await elsewhere(prepare, job.url, gpu === 'real' ? withGpu : browser);
}

const host = await browser.newContext({
  viewport: {width: 390, height: 780}, hasTouch: true, isMobile: true,
});
host.setDefaultTimeout(PATIENCE);
const phone = await host.newPage();
const builds = [];
phone.on('request', request => builds.push(request.url().split('/').pop()));
await phone.goto(job.plain);
await phone.waitForFunction(
    () => crossOriginIsolated || !document.querySelector('#picture').disabled);
if (!await phone.evaluate(() => crossOriginIsolated)) {  // a slow machine: the next visit has it
  await phone.evaluate(() => navigator.serviceWorker.ready.then(() => null));
  await phone.reload();
}
await phone.waitForSelector('#picture:enabled', {state: 'attached'});
answer.host = {isolated: await phone.evaluate(() => crossOriginIsolated), builds};
await phone.screenshot({path: `${job.shots}/start-phone.png`});
await phone.click('#example');
await phone.waitForFunction(() => document.querySelector('#canvas').title === 'example.jpg');
await phone.screenshot({path: `${job.shots}/example-phone.png`});
await host.close();

answer.safari = await elsewhere(page => page.addInitScript(withoutRelaxedSimd));
answer.notIsolated = await elsewhere(() => {}, job.plain);
await browser.close();
await withGpu.close();
console.log(JSON.stringify(answer));
