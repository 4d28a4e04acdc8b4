-- Stops everybody who asks a venue until an instant, or leaves the later one that is there. Called after a 429 or 418.
-- KEYS 1 budget    hash: `pause` rises, and `status` with it; see permit
--      2 counters  hash: `answers_<status>`
-- ARGV 1 ms to pause  2 HTTP status
-- Returns how many ms are left.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HINCRBY', KEYS[2], 'answers_' .. ARGV[2], 1)
local pause = tonumber(redis.call('HGET', KEYS[1], 'pause') or 0)
if pause < now + tonumber(ARGV[1]) then
  pause = now + tonumber(ARGV[1])
  redis.call('HSET', KEYS[1], 'pause', string.format('%d', pause), 'status', ARGV[2])
end
return pause - now
