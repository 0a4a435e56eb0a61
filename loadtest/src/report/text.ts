export function textReport(result: unknown, _options: unknown): string { return `${JSON.stringify(result,null,2)}\n`; }
