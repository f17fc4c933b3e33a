-- input: bids (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR(16), url VARCHAR(64), dateTime TIMESTAMP, extra VARCHAR(100))
SELECT STREAM "auction", COUNT(*), SUM("price"), AVG(CAST("price" AS DOUBLE)), MAX("price")
FROM "bids"
GROUP BY "auction", STEP("bids".ROWTIME BY INTERVAL '10' SECOND);
