-- input: SOURCE_SQL_STREAM_001 (ticker VARCHAR(4), sector VARCHAR(16), change REAL, price DOUBLE, quantity INTEGER, event_time TIMESTAMP)
SELECT STREAM s."ticker",
  LAG(s."price", 2, 0) IGNORE NULLS OVER w AS before,
  NTH_VALUE(s."price", 3) FROM LAST OVER w AS third,
  FIRST_VALUE(s."price") OVER (w ROWS 5 PRECEDING DISALLOW PARTIAL) AS first,
  SUM(DISTINCT s."price" * 2) OVER (PARTITION BY s."sector" || 'x') AS total
FROM "SOURCE_SQL_STREAM_001" AS s
WINDOW w AS (PARTITION BY s."ticker");
