// Charts in the colours of the page.
const L = window.LightweightCharts;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const seconds = (text) => Math.floor(Date.parse(text) / 1000);
export const faded = (hex, part) => `${hex}${Math.round(part * 255).toString(16).padStart(2, "0")}`;
const two = (number) => String(number).padStart(2, "0");

function look() {
  return {
    layout: { background: { color: "transparent" }, textColor: colour("faint"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12, attributionLogo: false, panes: { separatorColor: colour("line"), enableResize: true } },
    grid: { vertLines: { color: faded(colour("line"), 0.5) }, horzLines: { color: faded(colour("line"), 0.5) } },
    rightPriceScale: { borderColor: colour("line") },
    timeScale: { borderColor: colour("line"), timeVisible: true, secondsVisible: true, rightOffset: 3 },
    crosshair: { vertLine: { color: colour("faint"), labelBackgroundColor: colour("soft") }, horzLine: { color: colour("faint"), labelBackgroundColor: colour("soft") } },
  };
}

export function chart(element) {
  const made = L.createChart(element, {
    ...look(),
    autoSize: true,
    localization: { timeFormatter: (at) => { const d = new Date(at * 1000); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} UTC`; } },
  });
  document.addEventListener("theme", () => made.applyOptions(look()));
  return made;
}
export const kinds = { area: L.AreaSeries, line: L.LineSeries, candles: L.CandlestickSeries, bars: L.HistogramSeries };
export const markers = L.createSeriesMarkers;
