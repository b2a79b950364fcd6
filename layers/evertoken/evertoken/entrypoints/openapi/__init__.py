"""The API's description: what each route takes and answers, beside the code that does it and never imported by it."""
