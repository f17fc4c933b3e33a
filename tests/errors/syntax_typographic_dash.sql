-- dialect: kinesis
-- input: SOURCE_SQL_STREAM_001 (ticker VARCHAR(4), sector VARCHAR(16), PRICE DOUBLE, QUANTITY INTEGER, event_time TIMESTAMP)
CREATE STREAM a (x INTEGER); –- not a comment
