-- Takes a turn at a venue, or says how long to wait. Called before each request, by every process of the farm.
-- KEYS 1 budget    hash of one venue's host: `epoch` (us at which it was made), `pause` and `careful` (ms until), `b:<n>`
--                  weight spent in a tenth of a second; written by pause too
--      2 counters  hash: `requests_waited`, `limiter_away`, `limiter_flushed`
-- ARGV 1 weight  2 ceiling of all that is spent  3 the same when careful  4 ms to wait after a pause
--      5 the epoch that the caller knows, or ''  6 ms that the caller knows to be left of a pause
--      7 whether the caller was without Redis  8 weight that it has spent meanwhile  9 whether this is a first try
--      10 window ms
-- Returns {ms to wait (0: taken), epoch, ms left of the pause}.
-- Who knew another epoch has seen it flushed: what was spent before is not known then, nor a pause.
local BUCKET = 100
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local window = tonumber(ARGV[10])
local all = redis.call('HGETALL', KEYS[1])
local epoch, pause, careful, total = false, 0, 0, 0
local buckets, old = {}, {}
local weights = {}
for i = 1, #all, 2 do
  local name, value = all[i], all[i + 1]
  if name == 'epoch' then epoch = value
  elseif name == 'pause' then pause = tonumber(value)
  elseif name == 'careful' then careful = tonumber(value)
  else
    local n = tonumber(string.sub(name, 3))
    if (n + 1) * BUCKET + window <= now then
      old[#old + 1] = name
    else
      buckets[#buckets + 1] = n
      weights[n] = tonumber(value)
      total = total + tonumber(value)
    end
  end
end
if #old > 0 then
  redis.call('HDEL', KEYS[1], unpack(old, 1, math.min(#old, 1000)))
end
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
local away = ARGV[7] == '1'
if (flushed or away) and now + tonumber(ARGV[6]) > pause and tonumber(ARGV[6]) > 0 then
  pause = now + tonumber(ARGV[6])
  redis.call('HSET', KEYS[1], 'pause', string.format('%d', pause))
end
local here = math.floor(now / BUCKET)
local function spend(weight)
  if weight > 0 then
    redis.call('HINCRBY', KEYS[1], string.format('b:%d', here), weight)
    if not weights[here] then
      buckets[#buckets + 1] = here
    end
    weights[here] = (weights[here] or 0) + weight
    total = total + weight
  end
end
if away then
  redis.call('HINCRBY', KEYS[2], 'limiter_away', 1)
  spend(tonumber(ARGV[8]))
end

local left = math.max(0, pause - now)
local function wait(ms)
  if ARGV[9] == '1' then
    redis.call('HINCRBY', KEYS[2], 'requests_waited', 1)
  end
  return {ms, epoch, left}
end
if pause > 0 and now < pause + tonumber(ARGV[4]) then
  return wait(pause + tonumber(ARGV[4]) - now)
end
local weight = tonumber(ARGV[1])
local ceiling = math.max(weight, tonumber(now < careful and ARGV[3] or ARGV[2]))
local excess = total + weight - ceiling
if weight == 0 or excess <= 0 then
  spend(weight)
  return {0, epoch, left}
end
table.sort(buckets)
for _, n in ipairs(buckets) do
  excess = excess - weights[n]
  if excess <= 0 then
    return wait(math.max(1, (n + 1) * BUCKET + window - now))
  end
end
return wait(window)
