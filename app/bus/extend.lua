-- Appends closed bars to their windows, once each, if the caller still has the lease. Called by a drain.
-- KEYS 1 lease   see lease; renewed here
--      2… window one string for each bar, rows of 64 bytes that begin with the end of their bar; made by Windows,
--         read by Windows
-- ARGV 1 token  2 lease for how many milliseconds  3 bars to keep, then for each window: end of the bar before, end, row
-- A window that is not there is not begun, and one that has a hole is removed: both are made from the database when
-- they are read. One is cut when it is 64 bars too long, not at each: a string that is cut is written to disk anew.
-- Returns 1, or 0 when the lease is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local keep = tonumber(ARGV[3])
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 3
  local length = redis.call('STRLEN', KEYS[i])
  if length > 0 then
    local last = struct.unpack('i8', redis.call('GETRANGE', KEYS[i], length - 64, length - 57))
    if last == tonumber(ARGV[at]) then
      if length >= (keep + 64) * 64 then
        redis.call('SET', KEYS[i], redis.call('GETRANGE', KEYS[i], length - (keep - 1) * 64, -1))
      end
      redis.call('APPEND', KEYS[i], ARGV[at + 2])
    elseif last < tonumber(ARGV[at + 1]) then
      redis.call('DEL', KEYS[i])
    end
  end
end
return 1
