-- input: SOURCE_SQL_STREAM_001 (ticker VARCHAR(4), sector VARCHAR(16), change REAL, price DOUBLE, quantity INTEGER, event_time TIMESTAMP)
SELECT STREAM "ticker" AS name, "quantity" AS amount FROM "SOURCE_SQL_STREAM_001"
UNION ALL
SELECT STREAM "sector", "price" FROM "SOURCE_SQL_STREAM_001";
