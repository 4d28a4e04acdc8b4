-- Moves a drain's cursor together with all that the frames up to it have changed, or nothing. Called by a drain.
-- KEYS 1 mailbox         trimmed up to the slower reader; see push
--      2 place           cursor, drained and peaks move; see push
--      3 lease           see lease; renewed here
--      4 armed           renewed here; see push
--      5 forming         hash symbol → JSON; read by lease
--      6 prices          hash symbol → price|time_us|received_us; read by Prices
--      7 counters        hash
--      8 levels:version  read
-- ARGV 1 token  2 lease ms  3 armed ms  4 cursor before  5 cursor after  6 rows between them  7 whether ticks are archived
--      8 JSON of the peaks that the database has not got yet, by trade,
--      then three lists, each led by its length: forming, prices, counters (name, value, name, value, …)
-- Returns the levels version, or nothing when the lease is lost or the cursor is not where the caller left it.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then
  return false
end
if (redis.call('HGET', KEYS[2], 'cursor') or '0-0') ~= ARGV[4] then
  return false
end

local at = 9
local function following()
  local first, last = at + 1, at + tonumber(ARGV[at])
  at = last + 1
  return first, last
end

for key = 5, 6 do
  local first, last = following()
  for i = first, last, 2000 do
    redis.call('HSET', KEYS[key], unpack(ARGV, i, math.min(i + 1999, last)))
  end
end
local first, last = following()
for i = first, last, 2 do
  redis.call('HINCRBY', KEYS[7], ARGV[i], ARGV[i + 1])
end

local drained = redis.call('HINCRBY', KEYS[2], 'drained', ARGV[6])
redis.call('HSET', KEYS[2], 'cursor', ARGV[5], 'peaks', ARGV[8])
if ARGV[7] == '0' then
  redis.call('HSET', KEYS[2], 'archived', drained, 'archive', ARGV[5])
end
local place = redis.call('HMGET', KEYS[2], 'archived', 'archive')
local slower = tonumber(place[1] or 0) < drained and place[2] or ARGV[5]
if slower and tonumber(place[1] or 0) > 0 then
  local ms, seq = string.match(slower, '(%d+)-(%d+)')
  redis.call('XTRIM', KEYS[1], 'MINID', ms .. '-' .. string.format('%d', tonumber(seq) + 1))
end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], '1', 'PX', ARGV[3])
return redis.call('GET', KEYS[8]) or '0'
