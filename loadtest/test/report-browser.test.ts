/**
 * The HTML report in a real browser, without a network: Debian's Chromium, driven by playwright-core. Without it
 * the test is skipped, and says so; under CI_ALL_PARTS=1 it fails instead.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { htmlReport } from "../src/report/html.ts";
import { sampleResults } from "./sample-result.ts";

setDefaultTimeout(60_000);

const executablePath = Bun.which("chromium") ?? Bun.which("chromium-browser");
const isSkipped = executablePath === null && process.env.CI_ALL_PARTS !== "1";
const flags = [
	...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
	...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];
/** A blank picture of this size takes some 5 kB. */
const pictureBytesMin = 30_000;

let folder: string;
let browser: Browser;

beforeAll(async () => {
	if (isSkipped) return;
	folder = mkdtempSync(join(tmpdir(), "crebito-report-"));
	browser = await chromium.launch({ executablePath: executablePath ?? "chromium", args: flags });
});

afterAll(async () => {
	if (isSkipped) return;
	await browser?.close();
	rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(isSkipped)("the HTML report in Chromium", () => {
	test.each(Object.entries(sampleResults))("renders and complains of nothing: %s", async (name, result) => {
		const file = join(folder, `${name}.html`);
		writeFileSync(file, htmlReport(result));
		const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, offline: true });
		const page = await context.newPage();
		const complaints: string[] = [];
		const requests: string[] = [];
		page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
		page.on("pageerror", (error) => complaints.push(error.message));
		page.on("dialog", (dialog) => {
			complaints.push(`a dialog: ${dialog.message()}`);
			void dialog.dismiss();
		});
		page.on("request", (request) => requests.push(request.url().split(":")[0] ?? ""));
		await page.goto(`file://${file}`);
		await page.waitForTimeout(300);
		expect(complaints).toEqual([]);
		expect(requests).toEqual(["file"]);
		expect(await page.locator("h1").count()).toBe(1);
		expect(await paintedCanvases(page)).toBe(await page.locator("canvas").count());
		for (const width of [1280, 400]) {
			await page.setViewportSize({ width, height: 900 });
			const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
			expect({ width, overflow: Math.max(0, overflow as number) }).toEqual({ width, overflow: 0 });
		}
		const picture = join(folder, `${name}.png`);
		await page.screenshot({ path: picture, fullPage: true });
		expect(statSync(picture).size).toBeGreaterThan(pictureBytesMin);
		await context.close();
	});

	test("marks on its charts what was done to the target", async () => {
		const { bad } = sampleResults;
		if (bad === undefined) throw new Error("the sample is missing");
		const page = await browser.newPage();
		const pictureOf = async (result: typeof bad) => {
			await page.setContent(htmlReport(result));
			await page.waitForTimeout(300);
			return page.evaluate("document.querySelector('#rate canvas').toDataURL()");
		};
		const marked = await pictureOf(bad);
		expect((await pictureOf(bad)) === marked).toBe(true);
		expect((await pictureOf({ ...bad, chaos: null })) === marked).toBe(false);
		await page.close();
	});

	test("has charts where something was measured, and would be found out if they stayed blank", async () => {
		const [, good] = Object.entries(sampleResults)[0] as [string, (typeof sampleResults)[string]];
		const page = await browser.newPage();
		await page.setContent(htmlReport(good as never));
		expect(await page.locator("canvas").count()).toBeGreaterThanOrEqual(3);
		await page.evaluate(
			"for (const canvas of document.querySelectorAll('canvas')) canvas.getContext('2d').clearRect(0, 0, 9999, 9999)",
		);
		expect(await paintedCanvases(page)).toBe(0);
		await page.close();
	});
});

/** How many canvases have a pixel that isn't empty. */
async function paintedCanvases(page: { evaluate(script: string): Promise<unknown> }): Promise<number> {
	const painted = `[...document.querySelectorAll("canvas")].filter((canvas) =>
		canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0)).length`;
	return Number(await page.evaluate(painted));
}
