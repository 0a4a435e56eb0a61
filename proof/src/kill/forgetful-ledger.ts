/** The ledger as a program, but it believes no balancer's headers: a repeated request is a second one to it. */
process.env.BEHIND_BALANCER = "off";
await import("../../../ledger/src/main.ts");
