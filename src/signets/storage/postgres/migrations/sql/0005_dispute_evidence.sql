-- What a member says of a claim besides its reason and note; issuers ask for different parts of it.
ALTER TABLE dispute ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}';
