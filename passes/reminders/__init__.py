"""Reminders: a coupon when a member may need it, by their own rhythm, and proof of whether it helped."""
