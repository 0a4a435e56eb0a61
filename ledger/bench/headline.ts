/** The one number on the first screen of both READMEs, from the newest result of figure 1. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FigureRecords } from "./record.ts";
import type { Row } from "./row.ts";

const begin = "<!-- headline:begin -->";
const end = "<!-- headline:end -->";
const root = join(import.meta.dir, "../..");

export function writeHeadlines(records: FigureRecords): void {
	const [durable, textbook] = records["1"]?.rows ?? [];
	if (durable === undefined || textbook === undefined) return;
	writeHeadline("README.md", inEnglish(durable, textbook));
	writeHeadline("README.pt-BR.md", inPortuguese(durable, textbook));
}

function writeHeadline(name: string, text: string): void {
	const file = join(root, name);
	const page = readFileSync(file, "utf8");
	const [from, to] = [page.indexOf(begin), page.indexOf(end)];
	if (from < 0 || to < from) throw new Error(`${name} has lost ${begin} or ${end}`);
	writeFileSync(file, `${page.slice(0, from)}${begin}\n${text}\n${page.slice(to)}`);
}

function inEnglish(durable: Row, textbook: Row): string {
	return `**${rate(durable, "en")} requests/s, each answered after its fsync, p99 ${ms(durable, "en")} ms**, on 1.5 CPUs with 14 connections.
One transaction a request, without waiting for the disk: ${rate(textbook, "en")}/s, p99 ${ms(textbook, "en")} ms.
Both from \`npm run bench:ledger\`; [every figure, the missed ones too](docs/benchmarks.md).`;
}

function inPortuguese(durable: Row, textbook: Row): string {
	return `**${rate(durable, "pt-BR")} pedidos/s, cada um respondido depois do seu fsync, p99 ${ms(durable, "pt-BR")} ms**, em 1,5 CPU com 14 conexões.
Uma transação por pedido, sem esperar o disco: ${rate(textbook, "pt-BR")}/s, p99 ${ms(textbook, "pt-BR")} ms.
Ambos de \`npm run bench:ledger\`; [todos os números, inclusive as metas não atingidas](docs/benchmarks.md).`;
}

function rate(row: Row, locale: string): string {
	return Math.round(row.requestsPerSecond ?? 0).toLocaleString(locale);
}

function ms(row: Row, locale: string): string {
	return ((row.p99Us ?? 0) / 1000).toLocaleString(locale, { maximumFractionDigits: 1 });
}
