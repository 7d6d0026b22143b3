"""Seconds of a `lora_sft` step, of a bare TRL training and of a bare PEFT loop on the same batches.

    python -m benchmarks.training [VICTIM]

They are seconds of the processor, so that other work on the machine does not count. Both trainings have their set-up in
them, and `lora_sft` also saves its adapter; the loop is measured on pictures that are processed already.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from attacks import REGISTRY
from attacks.tune.inputs import Inputs
from bench import datasets
from bench.lvlm import catalog
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.progress import silent
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.spec import Method

BATCH, STEPS, EPOCHS, RATE, REPEATS = 16, 40, 3, 1e-3, 3


def main(name: str) -> None:
    """Print the times, measured in turns in this process, and their ratios."""
    prepare()
    victim = catalog.load(name)
    samples = SampleSet(datasets.load("emoji_catalog", "train").samples[: BATCH * STEPS])
    validation = SampleSet(samples.samples[:BATCH])
    config, inputs = lora_config(victim, 16, "language+projector"), Inputs(victim, samples)

    def loop() -> None:
        with attach_adapter(victim, config) as parameters:
            optimiser = torch.optim.AdamW(parameters, lr=RATE)
            victim.model.train()
            for k in [k for _ in range(EPOCHS) for k in range(STEPS)]:
                batch = inputs.collate([{"index": i} for i in range(k * BATCH, (k + 1) * BATCH)])
                victim.model(**batch).loss.backward()
                optimiser.step()
                optimiser.zero_grad()

    def bare() -> None:
        with tempfile.TemporaryDirectory() as folder:
            trainer = SFTTrainer(
                victim.model,
                SFTConfig(
                    output_dir=folder, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, learning_rate=RATE,
                    use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none", disable_tqdm=True,
                    save_strategy="no", logging_steps=STEPS, remove_unused_columns=False, max_length=None,
                    dataset_kwargs={"skip_prepare_dataset": True}, dataloader_pin_memory=False,
                ),
                data_collator=Inputs(victim, samples).collate,
                train_dataset=Dataset.from_dict({"index": range(len(samples))}),
                processing_class=victim.tokenizer,
                peft_config=config,
            )  # fmt: skip
            trainer.train()
            trainer.model.unload()
            victim.model.eval().requires_grad_(False)

    def ours() -> None:
        attack = REGISTRY.build(Method(name="lora_sft", options={"epochs": EPOCHS, "batch": BATCH, "lr": RATE}))
        with tempfile.TemporaryDirectory() as folder:
            attack.tune(victim, samples, validation, 0, Path(folder), silent)

    works = {"bare PEFT loop": loop, "bare TRL": bare, "lora_sft": ours}
    times: dict[str, list[float]] = {key: [] for key in works}
    for _ in range(REPEATS):
        for key, work in works.items():
            started = time.process_time()
            work()
            times[key].append(time.process_time() - started)
    seconds = {key: statistics.median(values) for key, values in times.items()}
    print(
        f"{name}, batch {BATCH}, {EPOCHS} x {STEPS} steps, {torch.get_num_threads()} threads, {REPEATS} times in turns"
    )
    for key, value in seconds.items():
        ratios = [one / other for one, other in zip(times["lora_sft"], times[key], strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{key:15} {value / STEPS / EPOCHS:.4f} s a step; lora_sft, of that: {each}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
