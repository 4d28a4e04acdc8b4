-- Takes or renews the lead of a service, of which one process at a time may do its work. Called by all that would.
-- KEYS 1 leader  the token of who leads; removed by resign
-- ARGV 1 token  2 for how many milliseconds  3 token of a holder who is known to be dead, or nothing
-- Returns nothing when this one leads, else the token of who does.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then
  return holder
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
