-- Asks for the requests of a list in turn; see wrk.py. The last line of output is JSON.

local requests, tag
local at, number = 0, 0

function init(arguments)
  requests = dofile(arguments[1])
  tag = arguments[2]
end

function request()
  at = at % #requests + 1
  number = number + 1
  local method, path, headers, body = unpack(requests[at])
  if body == "" then return wrk.format(method, path, headers) end
  return wrk.format(method, path, headers, (body:gsub("{n}", tag .. number)))
end

function done(summary, latency, _)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f, "max": %f}\n',
    summary.requests, summary.duration / 1e6, errors.status + broken,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
