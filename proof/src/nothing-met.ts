/** What has to have happened for a run to say anything: an attack that met nobody has shown nothing. */

/** A sentence for each of these, named in the plural, that there was none of. */
export function nothingMet(counts: Readonly<Record<string, number>>): string[] {
	return Object.entries(counts)
		.filter(([, count]) => !(count > 0))
		.map(([name]) => `there were no ${name}, so nothing is shown`);
}
