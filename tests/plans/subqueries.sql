-- input: SOURCE_SQL_STREAM_001 (ticker VARCHAR(4), sector VARCHAR(16), change REAL, price DOUBLE, quantity INTEGER, event_time TIMESTAMP)
CREATE VIEW cheap (name, cost) AS SELECT STREAM "ticker", "price" FROM "SOURCE_SQL_STREAM_001" WHERE "price" < 10;
WITH busy AS (
  SELECT STREAM name, COUNT(*) OVER (PARTITION BY name ROWS 9 PRECEDING) AS n, cost FROM cheap
)
SELECT STREAM name, cost * 2 AS twice FROM (SELECT STREAM name, cost, n FROM busy) WHERE n >= 3;
