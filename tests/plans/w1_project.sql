-- input: bids (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR(16), url VARCHAR(64), dateTime TIMESTAMP, extra VARCHAR(100))
SELECT STREAM "auction", "bidder", "price" * 0.908E0 FROM "bids";
