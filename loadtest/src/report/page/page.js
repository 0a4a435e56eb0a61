/**
 * The page's own script: draws the charts over time with uPlot, in the colours of the style sheet, and again
 * when the room, the theme or the medium changes. Everything else on the page needs no script.
 */
(() => {
	const element = document.getElementById("data");
	if (element === null) return;
	const { seconds, charts, marks } = JSON.parse(element.textContent);
	const height = 210;
	const printWidth = 640;
	/** There is nothing between two seconds. */
	const wholeSteps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400];

	const threeDigits = (value) =>
		value === 0
			? "0"
			: value < 9.995
				? value.toFixed(2)
				: value < 99.95
					? value.toFixed(1)
					: Math.round(value).toLocaleString("en-US");
	const short = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 3 });

	/** By unit: the number under the cursor, and the shorter one on an axis. */
	const texts = {
		count: { exact: (value) => value.toLocaleString("en-US"), axis: short },
		rate: { exact: (value) => `${value.toLocaleString("en-US")}/s`, axis: short },
		share: {
			exact: (value) => `${(100 * value).toFixed(1)} %`,
			axis: (value) => `${short(100 * value)} %`,
		},
		ms: {
			exact: (value) =>
				value < 1
					? `${Math.round(value * 1000)} µs`
					: value < 999.5
						? `${threeDigits(value)} ms`
						: `${threeDigits(value / 1000)} s`,
			axis: (value) =>
				value < 1
					? `${short(value * 1000)} µs`
					: value < 1000
						? `${short(value)} ms`
						: `${short(value / 1000)} s`,
		},
	};

	/** From zero, and never so narrow that a healthy generator's tremor looks like a mountain. */
	const leastTops = { count: 1, rate: 1, share: 1, ms: 1 };

	const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

	const scaleOf = (chart, unit) =>
		chart.isLogarithmic
			? { distr: 3 }
			: { range: (_, __, max) => [0, Math.max(leastTops[unit], (max ?? 0) * 1.06)] };

	const axis = (scale, more) => ({
		scale,
		stroke: colour("quiet"),
		grid: { stroke: colour("line"), width: 1 },
		ticks: { stroke: colour("line"), width: 1, size: 4 },
		font: "12px system-ui, sans-serif",
		...more,
	});

	const axisOf = (unit, index) =>
		axis(unit, {
			side: index === 0 ? 3 : 1,
			size: 56,
			...(index === 0 ? {} : { grid: { show: false } }),
			values: (_, splits) =>
				splits.map((value) => (value === null || value === undefined ? null : texts[unit].axis(value))),
		});

	const lookOf = ({ look, colour: name }) => ({
		stroke: colour(name),
		width: look === "bars" ? 0 : 1.75,
		...(look === "dashed" ? { dash: [5, 4] } : {}),
		...(look === "bars"
			? { fill: colour(name), paths: uPlot.paths.bars({ size: [0.8, 24, 1] }), points: { show: false } }
			: { points: { show: seconds.length <= 2 } }),
	});

	const seriesOf = (series) => ({
		label: series.label,
		scale: series.unit,
		value: (_, value) => (value === null || value === undefined ? "–" : texts[series.unit].exact(value)),
		...lookOf(series),
	});

	/** What was done to the target meanwhile, behind the curves. */
	const drawMarks = (plot) => {
		const { ctx: context, bbox: box } = plot;
		context.save();
		context.beginPath();
		context.rect(box.left, box.top, box.width, box.height);
		context.clip();
		for (const { from, until, colour: name } of marks) {
			const [left, right] = [from, until].map((second) => Math.round(plot.valToPos(second, "x", true)));
			context.strokeStyle = context.fillStyle = colour(name);
			context.globalAlpha = 0.14;
			context.fillRect(left, box.top, right - left, box.height);
			context.globalAlpha = 0.9;
			context.lineWidth = devicePixelRatio;
			context.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
			context.beginPath();
			context.moveTo(left, box.top);
			context.lineTo(left, box.top + box.height);
			context.stroke();
		}
		context.restore();
	};

	const optionsOf = (chart, width) => {
		const units = [...new Set(chart.series.map(({ unit }) => unit))];
		return {
			width,
			height,
			hooks: { drawAxes: [drawMarks] },
			cursor: { sync: { key: "seconds" }, drag: { x: true, y: false }, points: { size: 6 } },
			scales: {
				x: { time: false, range: (_, min, max) => (max > min ? [min, max] : [min - 0.5, max + 0.5]) },
				...Object.fromEntries(units.map((unit) => [unit, scaleOf(chart, unit)])),
			},
			axes: [
				axis("x", {
					size: 30,
					incrs: wholeSteps,
					values: (_, splits) => splits.map((value) => `${short(value)} s`),
				}),
				...units.map(axisOf),
			],
			series: [
				{
					label: "second",
					value: (_, value) => (value === null || value === undefined ? "–" : String(value)),
				},
				...chart.series.map(seriesOf),
			],
		};
	};

	let plots = [];

	const draw = (width) => {
		for (const { plot } of plots) plot.destroy();
		plots = charts.map((chart) => {
			const place = document.getElementById(chart.id);
			const data = [seconds, ...chart.series.map(({ values }) => values)];
			return { place, plot: new uPlot(optionsOf(chart, width ?? place.clientWidth), data, place) };
		});
	};

	const fit = () => {
		for (const { place, plot } of plots)
			if (place.clientWidth > 0 && place.clientWidth !== plot.width)
				plot.setSize({ width: place.clientWidth, height });
	};

	draw();
	new ResizeObserver(fit).observe(document.body);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
	// Paper is white whatever the screen's theme is.
	addEventListener("beforeprint", () => {
		document.documentElement.classList.add("paper");
		draw(printWidth);
	});
	addEventListener("afterprint", () => {
		document.documentElement.classList.remove("paper");
		draw();
	});
})();
