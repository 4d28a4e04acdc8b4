-- Takes a turn at an endpoint of a venue, or says how long to wait. Called before each request, by every process.
-- KEYS 1 budget    hash of one venue's host: `epoch` (us at which it was made), `careful` and `pause` (ms until), and the
--                  `status` that the pause is for; written by pause too
--      2 counters  hash: `requests_waited`, `limiter_away`, `limiter_flushed`
--      3 spent     hash of the endpoint: `<n>` weight spent in a tenth of a second; gone when nothing of it counts
--      4… spent    hashes of the endpoints that the caller has asked without Redis
-- ARGV 1 weight  2 ceiling of all that is spent there  3 the same when careful  4 ms to wait after a pause
--      5 the epoch that the caller knows, or ''  6 ms that the caller knows to be left of a pause  7 its status
--      8 whether the caller was without Redis  9 whether this is a first try  10 window ms
--      11… weight that it has spent meanwhile, for each of KEYS 4…
-- Returns {ms to wait (0: taken), epoch, ms left of the pause, its status}.
-- Who knew another epoch has seen it flushed: what was spent before is not known then, nor a pause.
local BUCKET = 100
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local here = math.floor(now / BUCKET)
local window = tonumber(ARGV[10])
local known = redis.call('HMGET', KEYS[1], 'epoch', 'careful', 'pause', 'status')
local epoch, careful, pause, status = known[1], tonumber(known[2] or 0), tonumber(known[3] or 0), known[4] or '0'
if not epoch then
  epoch = string.format('%d', clock[1] * 1000000 + clock[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end

local flushed = ARGV[5] ~= '' and ARGV[5] ~= epoch
local born = math.floor(tonumber(epoch) / 1000)
if flushed and careful < born + window then
  careful = born + window
  redis.call('HSET', KEYS[1], 'careful', string.format('%d', careful))
  redis.call('HINCRBY', KEYS[2], 'limiter_flushed', 1)
end
local away = ARGV[8] == '1'
if (flushed or away) and tonumber(ARGV[6]) > 0 and now + tonumber(ARGV[6]) > pause then
  pause, status = now + tonumber(ARGV[6]), ARGV[7]
  redis.call('HSET', KEYS[1], 'pause', string.format('%d', pause), 'status', status)
end

local function spend(key, weight)
  if tonumber(weight) > 0 then
    redis.call('HINCRBY', key, string.format('%d', here), weight)
    redis.call('PEXPIRE', key, window + BUCKET)
  end
end
if away then
  redis.call('HINCRBY', KEYS[2], 'limiter_away', 1)
  for i = 4, #KEYS do
    spend(KEYS[i], ARGV[i + 7])
  end
end

local left = math.max(0, pause - now)
local function take()
  spend(KEYS[3], ARGV[1])
  return {0, epoch, left, tonumber(status)}
end
local function wait(ms)
  if ARGV[9] == '1' then
    redis.call('HINCRBY', KEYS[2], 'requests_waited', 1)
  end
  return {ms, epoch, left, tonumber(status)}
end
if pause > 0 and now < pause + tonumber(ARGV[4]) then
  return wait(pause + tonumber(ARGV[4]) - now)
end
local weight = tonumber(ARGV[1])
if weight == 0 then
  return take()
end

local all = redis.call('HGETALL', KEYS[3])
local total, buckets, weights, old = 0, {}, {}, {}
for i = 1, #all, 2 do
  local n = tonumber(all[i])
  if (n + 1) * BUCKET + window <= now then
    old[#old + 1] = all[i]
  else
    buckets[#buckets + 1] = n
    weights[n] = tonumber(all[i + 1])
    total = total + weights[n]
  end
end
if #old > 0 then
  redis.call('HDEL', KEYS[3], unpack(old, 1, math.min(#old, 1000)))
end
local ceiling = math.max(weight, tonumber(now < careful and ARGV[3] or ARGV[2]))
local excess = total + weight - ceiling
if excess <= 0 then
  return take()
end
table.sort(buckets)
for _, n in ipairs(buckets) do
  excess = excess - weights[n]
  if excess <= 0 then
    return wait(math.max(1, (n + 1) * BUCKET + window - now))
  end
end
return wait(window)
