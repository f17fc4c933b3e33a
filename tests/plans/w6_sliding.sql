-- input: bids (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR(16), url VARCHAR(64), dateTime TIMESTAMP, extra VARCHAR(100))
SELECT STREAM "auction", "price",
  AVG("price") OVER (PARTITION BY "auction" RANGE INTERVAL '10' SECOND PRECEDING) AS "average"
FROM "bids";
