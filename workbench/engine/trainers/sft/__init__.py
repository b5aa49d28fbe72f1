"""The TRL SFT trainer with PEFT LoRA: a folder that runs in any interpreter and imports nothing of ours."""
