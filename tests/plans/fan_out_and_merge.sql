-- dialect: kinesis
-- input: SOURCE_SQL_STREAM_001 (ticker VARCHAR(4), sector VARCHAR(16), change REAL, price DOUBLE, quantity INTEGER, event_time TIMESTAMP)
-- input: SOURCE_SQL_STREAM_002 (ticker VARCHAR(4), price DOUBLE)
CREATE STREAM prices (ticker VARCHAR(4), price DOUBLE);
CREATE PUMP one AS INSERT INTO prices SELECT STREAM "ticker", "price" FROM "SOURCE_SQL_STREAM_001";
CREATE PUMP two AS INSERT INTO prices SELECT STREAM "ticker", "price" FROM "SOURCE_SQL_STREAM_002";
CREATE STREAM high (ticker VARCHAR(4) NOT NULL, price INTEGER);
CREATE STREAM low (price REAL, note VARCHAR(8) DEFAULT 'low', ticker CHAR(4));
CREATE PUMP highs AS INSERT INTO high SELECT STREAM ticker, price FROM prices WHERE price > 100;
CREATE PUMP lows AS INSERT INTO low (ticker, price) SELECT STREAM ticker, price FROM prices WHERE price < 10;
