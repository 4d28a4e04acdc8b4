-- Appends closed bars to their windows, once each, if the caller still has the lease. Called by a drain.
-- KEYS 1 lease   see lease; renewed here
--      2… window one list for each bar; made by Windows, read by Windows
-- ARGV 1 token  2 lease for how many milliseconds  3 bars to keep, then for each window: end of the bar before, end, JSON
-- A window that is not there is not begun, and one that has a hole is removed: both are made from the database when
-- they are read. Returns 1, or 0 when the lease is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 3
  local tail = redis.call('LINDEX', KEYS[i], -1)
  if tail then
    local last = tonumber(string.match(tail, '^%[(%d+)'))
    if last == tonumber(ARGV[at]) then
      redis.call('RPUSH', KEYS[i], ARGV[at + 2])
      redis.call('LTRIM', KEYS[i], -tonumber(ARGV[3]), -1)
    elseif last < tonumber(ARGV[at + 1]) then
      redis.call('DEL', KEYS[i])
    end
  end
end
return 1
