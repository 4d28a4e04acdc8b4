-- Puts something aside for the database, unless too much of it waits. Called by whoever has a task's result.
-- KEYS 1 waiting  stream of entries with one field, `e`; read, and trimmed from its beginning, by ResultsAside
-- ARGV 1 most entries that may wait  2 the entry
-- Returns whether it was put there.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('XADD', KEYS[1], '*', 'e', ARGV[2])
return 1
