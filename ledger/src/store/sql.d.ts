/** A schema is imported as text, so that it is part of a single-file build too. */
declare module "*.sql" {
	const text: string;
	// biome-ignore lint/style/noDefaultExport: that is how Bun imports a text.
	export default text;
}
