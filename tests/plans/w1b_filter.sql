-- input: bids (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR(16), url VARCHAR(64), dateTime TIMESTAMP, extra VARCHAR(100))
SELECT STREAM "auction", "price" FROM "bids" WHERE MOD("auction", 123) = 0;
