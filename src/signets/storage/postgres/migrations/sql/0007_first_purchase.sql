-- An id that a member's one permission and a verified settlement together confirmed, for a vendor
-- that nobody describes: known whatever the counts are.
ALTER TABLE merchant_sighting ADD COLUMN first_purchase boolean NOT NULL DEFAULT false;

-- A ruling answers every question that waits about the same merchant.
CREATE INDEX merchant_review_vendor ON merchant_review (org_id, vendor) WHERE state = 'waiting';
