"""The report: what the audit says, and the formats that say it."""
