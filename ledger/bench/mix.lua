-- The load, as wrk runs it: which request comes next, and what a run amounts to.
--
-- Arguments after `--`: accounts, seed, and "mixed" or "statements". Of 34 requests of the mix 22 are
-- debits, 11 credits and 1 a statement, spread as evenly as the weights allow.
--
-- The generator shares the machine with what it measures, so a request costs one concatenation: all but
-- the account's number is built beforehand. response() costs 0.7 µs an answer, and is worth it: a 422 is a
-- refusal and a good answer, anything else but a 200 spoils the run.

local MIX = {
	mixed = { { "debit", 22 }, { "credit", 11 }, { "statement", 1 } },
	statements = { { "statement", 1 } },
}
local CYCLES = 60
local AMOUNT_MAX = 10000
local LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

local threads = {}

function setup(thread)
	threads[#threads + 1] = thread
	thread:set("thread_number", #threads)
end

-- Smooth weighted round robin: everybody earns its weight each turn, and the richest goes and pays.
local function schedule(mix)
	local total, balances, order = 0, {}, {}
	for i, kind in ipairs(mix) do
		total = total + kind[2]
		balances[i] = 0
	end
	for turn = 1, total do
		local richest = 1
		for i, kind in ipairs(mix) do
			balances[i] = balances[i] + kind[2]
			if balances[i] > balances[richest] then richest = i end
		end
		balances[richest] = balances[richest] - total
		order[turn] = mix[richest][1]
	end
	return order
end

local function description()
	local letters = {}
	for i = 1, 10 do
		local at = math.random(#LETTERS)
		letters[i] = LETTERS:sub(at, at)
	end
	return table.concat(letters)
end

local function statement_tail(host)
	return "/extrato HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n"
end

local function entry_tail(host, kind)
	local body = string.format('{"valor":%d,"tipo":"%s","descricao":"%s"}',
		math.random(AMOUNT_MAX), kind == "debit" and "d" or "c", description())
	return "/transacoes HTTP/1.1\r\nHost: " .. host
		.. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local heads, tails, accounts, position = {}, {}, 5, 0

function init(args)
	accounts = tonumber(args[1])
	math.randomseed(tonumber(args[2]) + thread_number)
	local order, host = schedule(MIX[args[3]]), wrk.headers["Host"]
	for _ = 1, CYCLES do
		for _, kind in ipairs(order) do
			local statement = kind == "statement"
			heads[#heads + 1] = statement and "GET /clientes/" or "POST /clientes/"
			tails[#tails + 1] = statement and statement_tail(host) or entry_tail(host, kind)
		end
	end
end

local random = math.random

function request()
	position = position % #heads + 1
	return heads[position] .. random(accounts) .. tails[position]
end

-- Globals, because done() runs in a Lua state of its own and asks each thread for them by name.
refused, unexpected, unexpected_status = 0, 0, 0

function response(status)
	if status == 422 then
		refused = refused + 1
	elseif status ~= 200 then
		unexpected, unexpected_status = unexpected + 1, status
	end
end

function done(summary, latency)
	local refused, unexpected, status, errors = 0, 0, 0, summary.errors
	for _, thread in ipairs(threads) do
		refused = refused + thread:get("refused")
		unexpected = unexpected + thread:get("unexpected")
		status = math.max(status, thread:get("unexpected_status"))
	end
	io.write(string.format(
		'{"requests":%d,"durationUs":%d,"p50Us":%d,"p90Us":%d,"p99Us":%d,"p999Us":%d,"maxUs":%d,',
		summary.requests, summary.duration, latency:percentile(50), latency:percentile(90),
		latency:percentile(99), latency:percentile(99.9), latency.max))
	io.write(string.format('"refused":%d,"unexpected":%d,"unexpectedStatus":%d,', refused, unexpected, status))
	io.write(string.format('"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
		errors.connect, errors.read, errors.write, errors.timeout))
end
