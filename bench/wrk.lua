-- Sends requests that were signed ahead, in order, each once; counts what comes back.
-- The file holds them one after the other, each behind a line with its length in bytes.

local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    ready, sent, approved, odd = {}, 0, 0, 0
    local file = assert(io.open(arguments[1], "rb"))
    for length in function() return file:read("*l") end do
        ready[#ready + 1] = file:read(tonumber(length))
    end
    file:close()
end

function request()
    sent = sent + 1
    -- Past the end the last one is repeated, which is answered and decides nothing.
    return ready[math.min(sent, #ready)]
end

function response(status, headers, body)
    if status ~= 200 and status ~= 401 then
        odd = odd + 1
    elseif body:find('"APPROVED"', 1, true) then
        approved = approved + 1
    end
end

function done(summary, latency, requests)
    local total = { sent = 0, approved = 0, odd = 0 }
    for _, thread in ipairs(threads) do
        for name, count in pairs(total) do
            total[name] = count + thread:get(name)
        end
    end
    io.write(string.format(
        '{"answered":%d,"seconds":%f,"sent":%d,"approved":%d,"odd":%d,"p50_ms":%f,"p99_ms":%f}\n',
        summary.requests, summary.duration / 1e6, total.sent, total.approved, total.odd,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
