-- input: SOURCE_SQL_STREAM_001 (ticker VARCHAR(4), sector VARCHAR(16), change REAL, price DOUBLE, quantity INTEGER, event_time TIMESTAMP)
SELECT STREAM
  NOT ("price" > 1 AND "quantity" IN (1, 2, 3)) AS a,
  CASE WHEN "price" BETWEEN SYMMETRIC 10 AND 5 THEN 'high' ELSE 'low' END AS b,
  CAST(("event_time" - TIMESTAMP '2026-01-01 00:00:00') DAY TO SECOND AS VARCHAR(20)) AS c,
  STEP("event_time" BY INTERVAL '90' SECOND) AS d,
  "ticker" LIKE 'A!_%' ESCAPE '!' AS e,
  EXTRACT(HOUR FROM "event_time") AS f,
  ("event_time", "event_time" + INTERVAL '1' DAY) CONTAINS s.ROWTIME AS g,
  COALESCE("sector", U&'\00e9') IS NOT NULL AS h,
  CURRENT_ROW_TIMESTAMP AS i,
  COUNT("price") FILTER (WHERE "price" > 0) OVER (ROWS CURRENT ROW) AS j
FROM "SOURCE_SQL_STREAM_001" AS s;
