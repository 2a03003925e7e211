"""When something occurs. Pure arithmetic on naive local times; a zone is attached afterwards (RFC 5545 3.3.10).

`series` holds a recurrence, its zone and its first date, and answers "what comes next"; `offsets` places reminders.
"""
